"""What each parameter matters is worked out once, and only for who asks."""

from __future__ import annotations

import pickle

from sim.integration.gateway.exchange import as_json
from sim.types.metrics import OptimizationResult, OptimizationTarget


def test_importance_is_worked_out_when_it_is_asked_for() -> None:
    asked: list[int] = []

    def weigh() -> dict[str, float]:
        asked.append(1)
        return {"temperature": 1.0}

    target = OptimizationTarget.ERROR_RATE
    result = OptimizationResult("a", target, {}, 5.0, 1.0, 9.0, 0.97, "", weigh=weigh)
    assert "temperature" not in repr(result)
    assert result == OptimizationResult("a", target, {}, 5.0, 1.0, 9.0, 0.97, "")
    assert not asked
    assert result.feature_importance == {"temperature": 1.0}
    plain = result.as_dict()
    assert plain["feature_importance"] == {"temperature": 1.0}
    assert plain["target"] == "error_rate"
    assert not {"weigh", "_weighed"} & set(plain)
    assert b'"feature_importance":{"temperature":1.0}' in as_json(result), "as the gateway answers"
    assert asked == [1]


def test_nothing_is_weighed_where_it_abstains() -> None:
    result = OptimizationResult("a", OptimizationTarget.ERROR_RATE, {}, 0.0, 0.0, 0.0, 0.0, "too few windows")
    assert result.feature_importance == {}
    assert pickle.loads(pickle.dumps(result)) == result
