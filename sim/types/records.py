"""What a run leaves behind, as plain numeric arrays: one row an attempt, one row a node.

All instants are virtual seconds from the start of load, NaN where the event did not happen. The row order is the
order of dispatch. Metrics and audits are computed from these tables only, whichever engine wrote them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

STATUSES = ("ok", "failed", "rejected", "timed_out", "shed", "truncated")
OK, FAILED, REJECTED, TIMED_OUT, SHED, TRUNCATED = range(len(STATUSES))


@dataclass(slots=True)
class AttemptTable:
    """One row an attempt; all arrays have shape (attempts,)."""

    request: NDArray[np.int64]  # ordinal of the request in its source
    attempt: NDArray[np.int16]  # 0 for the first try
    arrived_at: NDArray[np.float64]  # arrival of the request (first try) or of this retry
    started_at: NDArray[np.float64]  # service began
    finished_at: NDArray[np.float64]  # answered, rejected or given up
    node: NDArray[np.int32]  # ordinal of the node (row of NodeTable), -1 if none was picked
    status: NDArray[np.int8]  # index into STATUSES
    work_s: NDArray[np.float64]  # service demand at speed 1, seconds (0 where unknown, e.g. llm)
    first_token_at: NDArray[np.float64] | None = None  # llm only
    prompt_tokens: NDArray[np.int32] | None = None  # llm only
    output_tokens: NDArray[np.int32] | None = None  # llm only

    def __len__(self) -> int:
        return len(self.request)


@dataclass(slots=True)
class NodeTable:
    """One row a node, in birth order; books kept event by event in the engine, not derived from the attempts.

    Areas are time integrals over [0, ended_at]: `area_present_s` of attempts present (waiting plus in service),
    `area_busy_s` of busy agents (min(in service, agents)), `work_done_s` the demand of finished attempts at speed 1,
    `truncated_work_s` the part of unfinished attempts already served.
    """

    node_id: list[str]
    zone: list[str]
    speed: NDArray[np.float64]
    agents: NDArray[np.int64]
    born_at: NDArray[np.float64]
    gone_at: NDArray[np.float64]  # NaN while it is there
    area_present_s: NDArray[np.float64]
    area_busy_s: NDArray[np.float64]
    work_done_s: NDArray[np.float64]
    truncated_work_s: NDArray[np.float64]
    arrived: NDArray[np.int64]  # attempts dispatched to the node
    answered: NDArray[np.int64]  # attempts the node finished
    refused: NDArray[np.int64]  # attempts its full queue turned away
    truncated: NDArray[np.int64]  # attempts still there at the end


@dataclass(slots=True)
class RunRecord:
    """One replication of one design point."""

    attempts: AttemptTable
    nodes: NodeTable
    horizon_s: float  # arrivals stopped here
    ended_at: float  # last event, after draining
    arrivals_count: int  # requests that arrived, counted by the source itself
    central_area_s: float = 0.0  # time integral of requests waiting at the balancer
    terminating: bool = False  # trace, diurnal, flash crowd: no warm-up cut
    processor_sharing: bool = False  # discipline ps or llm
    engine: str = "simpy"
    events_count: int = 0
    wall_s: float = 0.0
    digest: str = ""  # digest of the event log
    notes: dict[str, str] = field(default_factory=dict)
