"""Fixtures of the tests of composition, store and studies."""

from tests.bench.fake import counted, here, own_registry
from tests.bench.small_study import done, study

__all__ = ["counted", "done", "here", "own_registry", "study"]
