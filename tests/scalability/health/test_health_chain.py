"""Manager, eligible set and balancer in a row: what a death, a panic, an ejection and a return mean for picks."""

from __future__ import annotations

from sim.runtime.events import EventLog
from sim.runtime.virtual import VirtualRuntime
from sim.scalability.balancer.balancer import make_balancer
from sim.scalability.balancer.params import BalancerParams
from sim.scalability.balancer.slow_start import SlowStartParams
from sim.scalability.health.breaker import Breaker
from sim.scalability.health.ejection import Ejection
from sim.scalability.health.eligible import EligibleSet
from sim.scalability.health.outcomes import make_hub
from sim.scalability.health.params import BreakerParams, EjectionParams, HealthParams
from sim.scalability.health.watch import make_watch
from sim.scalability.manager import DistributedManager
from sim.types.fleet import NodeInfo
from tests.scalability.health.rig import DRAWS, Mortals

PARAMS = HealthParams("consecutive_failures", 2.0, probe_timeout_s=1.0, panic_ratio=0.5, slow_start_s=30.0)


class Chain:
    """Ten nodes of one agent each behind a uniform pick."""

    def __init__(self) -> None:
        self.runtime, self.log = VirtualRuntime(), EventLog()
        start = SlowStartParams(PARAMS.slow_start_s, self.runtime.now)
        self.balancer = make_balancer(BalancerParams(kind="round_robin"), ("agent",), 16, start)
        self.eligible = EligibleSet(self.balancer, self.runtime, self.log, PARAMS.panic_ratio)
        self.ejection = Ejection(EjectionParams(), 16, self.eligible, self.runtime, self.log, DRAWS)
        breaker = Breaker(BreakerParams(failures_max=100), 16, self.eligible, self.runtime, self.log)
        hub = make_hub(self.ejection, breaker)
        assert hub is not None
        self.hub = hub
        self.balancer.slot_listeners.append(hub.slot_added)
        self.mortals = Mortals(self.runtime)
        watch = make_watch(PARAMS, DRAWS, self.mortals)
        watch.passed_listeners.append(self.ejection.check_passed)
        self.manager = DistributedManager(
            {"auto_scaling": False, "failover_enabled": False},
            runtime=self.runtime,
            membership=self.eligible,
            events=self.log,
            watch=watch,
        )
        for number in range(10):
            self.runtime.run_task(self.manager.register_node(NodeInfo(f"n{number}", "h", 1, capacity=1)))
            agent = {"name": "a", "type": "agent", "model": "m"}
            self.runtime.run_task(self.manager.deploy_agent(agent))
        self.runtime.run_task(self.manager.start())

    def picked(self, at: float, keep: float = 0.999) -> set[int]:
        self.runtime.run(at)
        return {self.balancer.dispatch(0, 0, [keep], 0, at) for _ in range(20)}

    def kinds(self) -> list[str]:
        wanted = ("node_status", "panic_began", "panic_ended", "node_ejected", "node_readmitted")
        return [row.kind for row in self.log.rows if row.kind in wanted]


def test_deaths_take_nodes_out_until_a_panic_takes_all_back() -> None:
    chain = Chain()
    for number in range(5):
        chain.mortals.dead_at[f"n{number}"] = 3.0
    assert chain.picked(8.9) == set(range(10))  # checks at 4, 6 and 8, each given up a second later
    assert chain.picked(9.1) == set(range(5, 10))
    assert chain.kinds() == ["node_status"] * 5
    chain.mortals.dead_at["n5"] = 11.0
    assert chain.picked(17.5) == set(range(10))  # used in a panic, at once and in full
    assert chain.kinds()[5:] == ["node_status", "panic_began"]
    chain.mortals.back_at = {f"n{number}": 20.0 for number in range(6)}
    assert chain.picked(30.0) == set(range(10))  # they had their full share all the time
    assert chain.kinds()[7:].count("panic_ended") == 1
    assert {row.kind for row in chain.log.rows if "reason" not in dict(row.fields)} <= {"node_registered"}
    chain.runtime.close()


def test_a_returning_node_warms_and_a_passed_check_ends_an_ejection() -> None:
    chain = Chain()
    assert chain.picked(1.0) == set(range(10))
    chain.mortals.dead_at["n0"], chain.mortals.back_at["n0"] = 3.0, 15.0
    assert 0 not in chain.picked(15.5)
    assert 0 not in chain.picked(19.0)  # up at 18, with a tenth of its share
    assert 0 in chain.picked(19.5, keep=0.05)
    assert 0 in chain.picked(50.5)
    for _ in range(5):
        chain.hub.failed(7, 50.5)
    assert 7 not in chain.picked(51.5)
    assert 7 in chain.picked(52.5, keep=0.05)
    assert chain.kinds()[-2:] == ["node_ejected", "node_readmitted"]
    chain.runtime.close()
