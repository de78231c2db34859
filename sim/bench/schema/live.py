"""Keys of what runs live: `server` for `serve` and whoever joins it, `node` for an agent host. No run reads them."""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.bench.schema.ranges import choice, number


@dataclass
class ServerGroup:
    url: str = ""  # node: where to join, as `serve` prints it (tcp://HOST:PORT, tls://HOST:PORT)
    key_file: str | None = None  # node: the file with its credential; None: the environment's VICTOR_SIM_KEY
    node_host: str = "127.0.0.1"  # serve: where nodes join
    node_port: int = number(8001, 0, 65_535)  # 0: one that is free, and the same again after a restart
    nodes_max: int = number(100, 1, 100_000)  # that may be registered
    provider: str = choice("local", "local", "ray", "none")  # who starts `fleet.nodes` and what the autoscaler asks for
    ray_address: str = "auto"  # of the Ray cluster that hosts nodes with provider=ray; auto: the one of this machine
    ray_cpus: float = number(1.0, 0)  # cores that a node takes there
    respawn: bool = True  # a node of the provider that ended is started again
    silent_s: float = number(5.0, above=0)  # without a heartbeat, until a connection counts as broken
    order_s: float = number(10.0, above=0)  # for a node's answer to an order
    node_start_s: float = number(60.0, above=0)  # for a node of the provider to join


@dataclass
class NodeGroup:
    node_id: str = ""  # empty: the machine's name and the process
    agents: dict[str, str] = field(default_factory=dict)  # type -> module:function, or http(s)://upstream
    capacity: int = number(12, 1, 100_000)  # agents that fit
    queue_max: int = number(1_000_000, 0)  # attempts that wait, per agent type
    heartbeat_s: float = number(1.0, above=0)
    rejoin_s: float = number(60.0, above=0)  # without a server, until the node ends
    drain_s: float = number(30.0, above=0)  # after SIGTERM
    upstream_timeout_s: float = number(60.0, above=0)
    zone: str = "zone-1"
    speed: float = number(1.0, above=0)
    tls_ca: str | None = None  # the authority that signed the server's certificate; None: the system's
