"""What the settings of the request path refuse, and when a request path is plain."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sim.errors import ConfigError
from sim.scalability.requests.params import AdmissionParams, HedgeParams, RequestParams, RetryParams, check


def params(
    retry: dict[str, Any] | None = None,
    hedge: dict[str, Any] | None = None,
    admission: dict[str, Any] | None = None,
    **own: Any,
) -> RequestParams:
    return RequestParams(
        RetryParams(**(retry or {})), HedgeParams(**(hedge or {})), AdmissionParams(**(admission or {})), **own
    )


ACCEPTED = (
    params(),
    params({"attempt_timeout_s": 2.0}, deadline_s=2.0),
    params({"attempt_timeout_s": 2.0}, {"after_s": 1.9}, deadline_s=3.0),
    params({"attempts_max": 2, "budget_ratio": 0.2, "backoff_s": 10.0}),
    params(admission={"kind": "concurrency", "priority_mix": (1.0, 3.0), "priority_shares": (1.0, 1.0)}),
    params(admission={"priority_mix": (1.0, 3.0)}),
    params(admission={"priority_mix": (0.0, 3.0), "kind": "success_rate"}),
)


@pytest.mark.parametrize("accepted", ACCEPTED)
def test_what_fits_together_is_accepted(accepted: RequestParams) -> None:
    check(accepted)


REFUSED = (
    ("retry.attempt_timeout_s", params({"attempt_timeout_s": 2.1}, deadline_s=2.0)),
    ("hedge.after_s", params(hedge={"after_s": 2.0}, deadline_s=2.0)),
    ("hedge.after_s", params({"attempt_timeout_s": 1.0}, {"after_s": 1.5}, deadline_s=2.0)),
    ("retry.backoff_max_s", params({"backoff_s": 2.0, "backoff_max_s": 1.0})),
    ("retry.budget_ratio", params({"budget_ratio": 0.2})),
    ("admission.priority_mix", params(admission={"priority_mix": ()})),
    ("admission.priority_mix", params(admission={"priority_mix": (0.0, 0.0)})),
    ("admission.priority_mix", params(admission={"priority_mix": (1.0, -1.0)})),
    ("admission.priority_mix", params(admission={"priority_mix": (1.0, math.nan)})),
    ("admission.priority_shares", params(admission={"priority_shares": (1.0, math.inf)})),
    ("admission.priority_shares", params(admission={"priority_shares": (0.0,)})),
    ("admission.priority_shares", params(admission={"kind": "concurrency", "priority_mix": (1.0, 1.0)})),
    ("admission.priority_shares", params(admission={"priority_mix": (1.0, 1.0), "priority_shares": (0.5, 0.6)})),
    ("admission.priority_shares", params(admission={"priority_shares": (1.5,)})),
)


@pytest.mark.parametrize(("key", "refused"), REFUSED)
def test_what_contradicts_itself_is_refused_by_its_key(key: str, refused: RequestParams) -> None:
    with pytest.raises(ConfigError) as caught:
        check(refused)
    assert caught.value.args[0] == key
    assert str(caught.value).startswith(f"{key}=")


def test_a_path_is_plain_only_without_any_of_it() -> None:
    assert params().plain
    not_plain = (
        params({"attempts_max": 2}),
        params({"attempt_timeout_s": 1.0}),
        params({"non_idempotent_ratio": 0.1}),
        params(hedge={"after_s": 1.0}),
        params(deadline_s=1.0),
        params(admission={"kind": "concurrency"}),
        params(admission={"priority_mix": (1.0, 1.0)}),
    )
    assert [one.plain for one in not_plain] == [False] * len(not_plain)
