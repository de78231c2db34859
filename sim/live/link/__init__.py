"""The wire between a served control plane and its nodes."""
