"""Fixtures of the tests of composition, store and studies."""

from tests.bench.fake import counted, here, own_registry

__all__ = ["counted", "here", "own_registry"]
