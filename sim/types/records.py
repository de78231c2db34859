"""What a run leaves behind, as plain numeric arrays: one row an attempt, one row a node.

All instants are virtual seconds from the start of load, NaN where the event did not happen. The row order is the
order of dispatch; where requests have several attempts it is that of (request, attempt). Metrics and audits are
computed from these tables only, whichever engine wrote them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

STATUSES = ("ok", "failed", "rejected", "timed_out", "shed", "truncated")
OK, FAILED, REJECTED, TIMED_OUT, SHED, TRUNCATED = range(len(STATUSES))
ENGINE_NOTE = "engine"  # of `RunRecord.notes`


@dataclass(slots=True)
class AttemptTable:
    """One row an attempt; all arrays have shape (attempts,)."""

    request: NDArray[np.int64]  # ordinal of the request in its source
    attempt: NDArray[np.int16]  # 0 for the first try
    arrived_at: NDArray[np.float64]  # arrival of the request (first try) or of this retry
    started_at: NDArray[np.float64]  # service began
    finished_at: NDArray[np.float64]  # what its client saw: answered, refused, failed or given up; NaN if cut off
    node: NDArray[np.int32]  # ordinal of the node (row of NodeTable), -1 if none was picked
    status: NDArray[np.int8]  # index into STATUSES
    work_s: NDArray[np.float64]  # service demand at speed 1, seconds (0 where unknown, e.g. llm)
    first_token_at: NDArray[np.float64] | None = None  # llm only
    prompt_tokens: NDArray[np.int32] | None = None  # llm only
    output_tokens: NDArray[np.int32] | None = None  # llm only
    # What the node saw, where the two may differ (deadlines, retries, faults); None: from arrival to the finish
    placed_at: NDArray[np.float64] | None = None  # a node took it in, NaN if none did
    left_at: NDArray[np.float64] | None = None  # the node was done with it (answered, dropped, lost), NaN while there
    priority: NDArray[np.int8] | None = None  # 0 is the highest; None: no priorities

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
    # Resilient runs only; None: nothing is dropped, and work is speed x busy
    dropped: NDArray[np.int64] | None = None  # attempts that left without being finished: expired, cancelled, lost
    area_work_s: NDArray[np.float64] | None = None  # work that busy agents delivered, seconds at speed 1


@dataclass(slots=True)
class EpisodeTable:
    """Faults as they were injected, one row a node struck (node -1: no node in particular), in order of `began_at`."""

    kind: list[str]
    node: NDArray[np.int32]
    began_at: NDArray[np.float64]
    ended_at: NDArray[np.float64]  # NaN: still on at the end
    detected_at: NDArray[np.float64]  # the control plane took the node out of service within it, NaN: never
    failed_over_at: NDArray[np.float64]  # the last of its agents answered elsewhere (or again), NaN: never


@dataclass(slots=True)
class OutageTable:
    """Times that the control plane kept a node out of service, one row each: what it believed, right or wrong."""

    node: NDArray[np.int32]
    cause: list[str]  # "health", "ejection", "breaker"
    began_at: NDArray[np.float64]
    ended_at: NDArray[np.float64]  # NaN: still out at the end
    founded: NDArray[np.int8]  # 1 where a fault was on at that node when it began (or within its last minute)


@dataclass(slots=True)
class SeriesTable:
    """The fleet sampled at equal distances, as the control plane sees it; arrays of shape (samples,)."""

    at: NDArray[np.float64]
    nodes_ready: NDArray[np.int32]  # in service: may be picked
    nodes_starting: NDArray[np.int32]  # asked for, not yet in service
    nodes_draining: NDArray[np.int32]
    agents_ready: NDArray[np.int32]
    agents_pending: NDArray[np.int32]
    in_flight: NDArray[np.int32]  # attempts the balancer waits for
    waiting: NDArray[np.int32]  # requests that wait at the balancer
    desired_nodes: NDArray[np.int32]  # what the autoscaler wants; -1 without one


@dataclass(slots=True)
class AgentSteps:
    """Every change of the number of agents that can serve on a node, from 0 on, in order of time."""

    node: NDArray[np.int32]
    at: NDArray[np.float64]
    step: NDArray[np.int32]


@dataclass(slots=True)
class ScaleSteps:
    """What the autoscaler wants from an instant on: one row a change, in order of time."""

    at: NDArray[np.float64]
    desired_nodes: NDArray[np.int32]


@dataclass(slots=True)
class StreamTable:
    """What is kept of requests that are not: by bin of time (bins + 2,), and histograms by segment of the run.

    `sim.measure.stream` tells the bins, segments and kinds; seconds.
    """

    edges: NDArray[np.float64]  # where the bins begin
    ended: NDArray[np.int64]  # requests by bin of arrival and status, row by row
    attempts: NDArray[np.int64]  # attempts of the requests that arrived in the bin
    sojourn_s: NDArray[np.float64]  # sums, of answered requests by arrival
    wait_s: NDArray[np.float64]
    residence_s: NDArray[np.float64]  # of all requests, to their ends
    served_s: NDArray[np.float64]  # from start to end, of all that started
    work_s: NDArray[np.float64]  # demand of the answered
    answers: NDArray[np.int64]  # by the instant of the answer
    good: NDArray[np.int64]  # within the SLO, likewise
    good_arrived: NDArray[np.int64]  # within the SLO, by arrival
    segment_bin: NDArray[np.int64]  # first bin of each segment, shape (segments,)
    cell_kind: NDArray[np.int8]  # one row a bin of a histogram that holds something
    cell_segment: NDArray[np.int32]
    cell_bin: NDArray[np.int32]
    cell_count: NDArray[np.int64]
    busy_at: NDArray[np.float64]  # instants at which the nodes were read
    busy_s: NDArray[np.float64]  # busy agent-seconds of each node until then, row by row
    tokens: NDArray[np.int64] | None = None  # token requests only: of the answers given in the bin
    ttft_s: NDArray[np.float64] | None = None  # sums by arrival
    tpot_s: NDArray[np.float64] | None = None
    tpot_count: NDArray[np.int64] | None = None


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
    episodes: EpisodeTable | None = None
    outages: OutageTable | None = None
    series: SeriesTable | None = None
    agent_steps: AgentSteps | None = None  # None: a node has its `agents` all the time it is there
    scale_steps: ScaleSteps | None = None  # None: no autoscaler
    stream: StreamTable | None = None  # where requests were not kept: `attempts` is empty then
    engine: str = "simpy"
    events_count: int = 0
    wall_s: float = 0.0
    digest: str = ""  # digest of the event log
    counts: dict[str, int] = field(default_factory=dict)  # cumulative counters of parts, e.g. "retries_denied"
    notes: dict[str, str] = field(default_factory=dict)  # what is no number; under ENGINE_NOTE: why it is not compiled
    journal: bytes = b""  # of the calls of plugins, where it was asked for; a file of its own in the store
