"""A gateway that nobody uses any more is gone, whatever the libraries beneath remember of its endpoints."""

from __future__ import annotations

import gc
import weakref

from tests.integration.gateway.rig import Rig


def test_a_gateway_that_answered_is_not_kept() -> None:
    """FastAPI's cache of callables kept every gateway of a process, some megabytes for each run of a sweep."""
    rig = Rig(fleet=True)
    for path in ("/v1/nodes", "/v1/status", "/openapi.json"):
        assert rig.call("GET", path).status == 200
    assert rig.call("POST", "/v1/plugins/any/load").status == 503  # no plugin manager: it was called all the same
    gone = weakref.ref(rig.gateway)
    rig.runtime.close()
    del rig
    gc.collect()
    assert gone() is None
