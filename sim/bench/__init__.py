"""The harness: compose, assemble, run, store and compare design points."""
