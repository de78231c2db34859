"""Bodies that clients send and get, for validation and for the OpenAPI document. Sizes are bounded."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._:-]+$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]


class In(BaseModel):
    """What comes in: nothing that is not named."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class NodeIn(In):
    """A machine that offers itself."""

    node_id: Name
    host: Text
    port: int = Field(ge=1, le=65_535)
    capacity: int = Field(default=12, ge=1, le=100_000, description="agents that fit on it")
    metadata: dict[Name, Any] = Field(default_factory=dict, max_length=64, description="zone, region, speed, labels")


class AgentIn(In):
    """An agent to be placed and started."""

    name: Text
    type: Name
    model: Text
    temperature: float | None = Field(default=None, ge=0.0, le=2.0)
    node_id: Name | None = Field(default=None, description="where; none: the manager places it")


class DrainIn(In):
    """How long what runs on the node may go on."""

    deadline_s: float | None = Field(default=None, ge=0.0, le=86_400.0)


class TaskIn(In):
    """Work for an agent."""

    type: Name | None = Field(default=None, description="agent type; none: any")
    key: int | None = Field(default=None, ge=0, lt=2**62, description="affinity key")
    input: dict[str, Any] = Field(default_factory=dict, max_length=1_000)
    wait_s: float = Field(default=0.0, ge=0.0, le=86_400.0, description="wait for the end, up to the gateway's bound")


class OptimizationIn(In):
    """An agent to improve, and in what."""

    agent_id: Name
    target: Name


class Told(BaseModel):
    """An answer; more fields may come."""

    model_config = ConfigDict(extra="allow")


class NodeOut(Told):
    """A node as the control plane knows it."""

    node_id: str
    host: str
    port: int
    status: str
    capacity: int
    current_load: int
    cpu_usage: float
    memory_usage: float


class AgentOut(Told):
    """An agent as the control plane knows it."""

    agent_id: str
    agent_type: str
    node_id: str | None
    status: str


class TaskOut(Told):
    """A task and what became of it."""

    task_id: str
    state: str
    created_at: float
    ended_at: float | None
    result: dict[str, Any]
    error: str


class ProblemOut(Told):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
