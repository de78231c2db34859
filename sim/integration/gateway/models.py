"""Bodies that clients send and get, for validation and for the OpenAPI document. Sizes are bounded."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

KEY_MAX = 2**53 - 1  # what JSON's numbers hold exactly


def whole(value: object) -> object:
    """A JSON integer: 3 and 3.0, neither true nor "3"."""
    if isinstance(value, bool | str):
        raise ValueError("a whole number")
    return int(value) if isinstance(value, float) and value.is_integer() else value


def real(value: object) -> object:
    """A JSON number, neither true nor "3"."""
    if isinstance(value, bool | str):
        raise ValueError("a number")
    return value


# Bounds stand inside the union with None: outside, they are checked but missing from the document.
Port = Annotated[int, Field(ge=1, le=65_535), BeforeValidator(whole)]
Places = Annotated[int, Field(ge=1, le=100_000), BeforeValidator(whole)]
Key = Annotated[int, Field(ge=0, le=KEY_MAX), BeforeValidator(whole)]
Temperature = Annotated[float, Field(ge=0.0, le=2.0), BeforeValidator(real)]
Duration = Annotated[float, Field(ge=0.0, le=86_400.0), BeforeValidator(real)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._:-]+$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]


class In(BaseModel):
    """What comes in: nothing that is not named."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class NodeIn(In):
    """A machine that offers itself."""

    node_id: Name
    host: Text
    port: Port
    capacity: Places = Field(default=12, description="agents that fit on it")
    metadata: dict[str, Any] = Field(default_factory=dict, max_length=64, description="zone, region, speed, labels")


class AgentIn(In):
    """An agent to be placed and started."""

    name: Text
    type: Name
    model: Text
    temperature: Temperature | None = None
    node_id: Name | None = Field(default=None, description="where; none: the manager places it")


class DrainIn(In):
    """How long what runs on the node may go on."""

    deadline_s: Duration | None = None


class TaskIn(In):
    """Work for an agent."""

    type: Name | None = Field(default=None, description="agent type; none: any")
    key: Key | None = Field(default=None, description="affinity key")
    input: dict[str, Any] = Field(default_factory=dict, max_length=1_000)
    idempotent: bool = Field(default=True, description="false: it must not run twice, whatever happens", strict=True)
    wait_s: Duration = Field(default=0.0, description="wait for the end, up to the gateway's bound")


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
