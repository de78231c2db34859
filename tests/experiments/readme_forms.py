"""How each command of README is run by a test: as it stands, or shortened by what is added to or put in place in it.

A study keeps its sweep, situations and objective; its runs are shortened, its figures left out (they are drawn by
tests/report, and of `balancers` here). Values given twice: the last one counts, as on any command line.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.experiments.readme import commands

TWO = "launcher.workers=1 stats.replications=2 drain_s=60 study.figures=[]"  # two replications, nobody to share with
TRACE = f"{TWO} horizon_s=60 warmup=none"  # of a trace of 240 requests in two minutes
REPORT = "\nreport: results/"


@dataclass(frozen=True, slots=True)
class Form:
    """`add` goes to the end, `put` replaces words; `first` are commands run before; `said` stands in the output."""

    why: str
    add: str = ""
    put: tuple[tuple[str, str], ...] = ()
    first: tuple[str, ...] = ()
    said: str = REPORT
    code: int = 0

    def of(self, command: str) -> str:
        """The command in this form."""
        for old, new in self.put:
            command = command.replace(old, new)
        return f"{command} {self.add}".removeprefix("victor-sim ").strip()


def study(name: str, add: str, why: str = "short runs") -> tuple[str, Form]:
    """`run experiment=NAME` alone."""
    return f"victor-sim run experiment={name}", Form(why, f"{TWO} {add}")


PAIR = "run experiment=balancers balancer=random,power_of_d launcher.workers=1 stats.replications=2 horizon_s=30"
MEANS = f"{PAIR} stats.replications=3 objective=sojourn_s_mean study.figures=[bars]"
ONE = "run fleet.nodes=2 launcher.workers=1 stats.replications=2 horizon_s=30 engine=simpy"
LISTED = next(command for command in commands() if "run --multirun arrivals=trace" in command)
SETUP = next(command for command in commands() if "autoscaler=on_demand" in command)

FORMS: dict[str, Form] = {
    "victor-sim inspect trace.csv": Form("as it stands", said="use it:"),
    LISTED: Form("short runs", TRACE),
    "victor-sim run experiment=balancers fleet.nodes=40 --dry-run": Form("two strategies", "balancer=random,prequal",
                                                                         said="to run: "),
    "victor-sim run fleet.nodes=20 faults=[crash,slow] health=aggressive failover=default retry=default deadline_s=30":
        Form("a short run", f"{TWO} horizon_s=30 fleet.nodes=5"),
    "victor-sim run --multirun autoscaler=threshold,hpa,kpa arrivals=diurnal arrivals.rate_per_s=50 horizon_s=86400":
        Form("200 s of the day, little load", f"{TWO} horizon_s=200 arrivals.rate_per_s=1"),
    "victor-sim run experiment=capacity arrivals=trace arrivals.path=trace.csv slo.max=20":
        Form("short runs, at most 3 nodes", f"{TRACE} capacity.high=3"),
    "victor-sim run experiment=which_strategy arrivals.path=trace.csv":
        Form("short runs, two racers", f"{TRACE} stats.replications=3 stats.replications_max=4 "
             "balancer=random,power_of_d objective=sojourn_s_mean", said="sojourn_s_mean"),
    "victor-sim run experiment=how_many_nodes arrivals.path=trace.csv slo.max=15":
        Form("short runs, at most 3 nodes", f"{TRACE} capacity.high=3"),
    "victor-sim run experiment=is_retry_safe retry.attempts_max=4":
        Form("short runs, little load", f"{TWO} horizon_s=100 arrivals.rate_per_s=5"),
    "victor-sim init my-fleet": Form("as it stands", said="next: cd my-fleet && victor-sim run"),
    "victor-sim init": Form("with its DIR", "mine", said="next: cd mine && victor-sim run"),
    "victor-sim run experiment=balancers": Form("two of ten strategies, short runs, with every figure",
                                                f"{PAIR.split(' ', 2)[2]} drain_s=60 warmup=none"),
    "victor-sim --completion bash": Form("as it stands", said="complete -"),
    "victor-sim --version": Form("as it stands", said="victor-sim "),
    "victor-sim report balancers --agrees-with 2":
        Form("two strategies, short runs, one figure", first=(f"{MEANS} seed=2", MEANS), said="2 pairs, "),
    "victor-sim replay run NAME POINT REPLICATION --from-journal":
        Form("a short run with plugins", put=(("NAME POINT REPLICATION", "mine run 1"),), said="equal",
             first=(f"{ONE} plugins=shipped plugins.journal=true study.figures=[] name=mine",)),
    "victor-sim replay page NAME POINT REPLICATION":
        Form("a short run", put=(("NAME POINT REPLICATION", "mine run 1"),), said="bit for bit the stored run",
             first=(f"{ONE} study.figures=[] name=mine",)),
    **dict([
        study("load_sweep", "horizon_s=30 warmup=none balancer=random,power_of_d arrivals.utilization_ratio=.5,.9"),
        study("capacity", "horizon_s=60 warmup=none capacity.high=3 arrivals.rate_per_s=1"),
        study("which_strategy", f"{TRACE} stats.replications=3 stats.replications_max=4 balancer=random,power_of_d",
              "short runs, two racers, a trace of two minutes in its place"),
        study("how_many_nodes", f"{TRACE} capacity.high=3", "short runs, a trace of two minutes in its place"),
        study("trace", f"{TRACE} balancer=random,power_of_d arrivals.speedup=2", "the same, two strategies"),
        study("stale_signals", "horizon_s=30 warmup=none fleet.nodes=5"),
        study("autoscalers", "horizon_s=200 warmup=none arrivals.rate_per_s=1 policy=threshold,predictive"),
        study("autoscalers_trace", "horizon_s=200 warmup=none policy=threshold,scheduled",
              "short runs, rates of ten hours in their place"),
        study("metastable", "horizon_s=100 arrivals.rate_per_s=5"),
        study("is_retry_safe", "horizon_s=100 arrivals.rate_per_s=5"),
        study("failover", "horizon_s=400 arrivals.utilization_ratio=.02 detector=source,phi"),
        study("gray_failure", "horizon_s=80 arrivals.utilization_ratio=.02 balancer=prequal"),
        study("tail_tolerance", "horizon_s=50 warmup=none arrivals.utilization_ratio=.3"),
        study("spot", "horizon_s=100 arrivals.rate_per_s=1"),
        study("plugins", "horizon_s=20 warmup=none plugin=none,all,all_20ms"),
    ]),
    "victor-sim run experiment=metastable rule=no_budget,budget_of_fresh stats.replications=100 name=metastable_100":
        Form("2 of 100 seeds, short runs, little load", f"{TWO} horizon_s=100 arrivals.rate_per_s=5"),
    SETUP: Form("2 of 40 replications, a horizon of 400 s", f"{TWO} horizon_s=400"),
    "victor-sim storm seeds=N seed=S": Form("one small schedule", "size=small workers=1",
                                            put=(("seeds=N seed=S", "seeds=1 seed=3"),),
                                            said="1 schedules, 0 violations"),
    "victor-sim replay storm 2053": Form("a small schedule of that seed", "size=small --no-shrink", said="2053"),
    "victor-sim validate --coverage": Form("3 of 400 macro-replications",
                                           "macro=3 replications=3 requests=400 workers=1", said="mmc of 1"),
    "victor-sim optimize": Form("one method, one seed, 20 windows", "surface=null methods=random seeds=1..1 windows=20 "
                                "tasks=20 workers=1"),
    "victor-sim optimize seeds=1..30": Form("the same", "surface=null methods=random seeds=1..1 windows=20 tasks=20 "
                                            "workers=1"),
    "victor-sim plugins reloads": Form("3 of 1,000", "count=3", said="lost"),
    "victor-sim plugins new DIR": Form("a folder of a name that is one", put=(("DIR", "custom.mine"),),
                                       said="next: victor-sim plugins check custom.mine"),
}  # fmt: skip

SOAK: dict[str, Form] = {  # whatever is left out, they compile or take the clock's time
    "victor-sim validate --coverage servers=4 engine=compiled":
        Form("2 of 400 macro-replications", "macro=2 replications=2 requests=400 workers=1", said="mmc of 4"),
    "victor-sim validate --engines kinds=all":
        Form("one configuration", "configurations=1", said="1 of 1 configurations equal bit by bit"),
    "victor-sim bench rounds=9": Form("1 of 9 rounds", "requests=2000 rounds=1", said="idiomatic simpy", code=1),
    "victor-sim bench --sweep": Form("points of 20,000 requests", "requests=20000", said="two cores over one", code=1),
    "victor-sim bench --growth": Form("10 nodes", "requests=1000 nodes_max=10", said="10 nodes"),
    "victor-sim bench --gateway rounds=6 seconds=1": Form("1 of 6 rounds", "rounds=1", said=" requests/s", code=1),
    "victor-sim demo --live": Form("as it stands", said="3 nodes, "),
    "victor-sim demo": Form("as it stands", said="3 nodes, 5 agents, "),
    "victor-sim demo seed=1": Form("as it stands", said="3 nodes, 5 agents, 4 plugins, 14 endpoints"),
    "victor-sim serve --selftest kills=100 --out results/live/kills.csv":
        Form("2 of 100 kills", put=(("kills=100", "kills=2"),), said="2 kills, "),
}  # fmt: skip

SERVED = {  # they serve until they are told to end: in processes of their own
    "victor-sim serve config=results/balancers/best.yaml": ONE + " study.figures=[] name=balancers",
    "victor-sim serve plugins=shipped optimizer=default ...": "",
}

ELSEWHERE: dict[str, tuple[str, str, str]] = {  # command -> why not here, the test that runs its parts, words in it
    "victor-sim run experiment=balancers launcher=ray": (
        "ray stands beside the lock", "tests/bench/launchers/test_launchers.py", "launcher={kind}"),
    "victor-sim node": (
        "joins a served fleet of another process", "tests/live/serve/test_restarts.py", "rig.node("),
    "victor-sim calibrate horizon_s=170 --predict \"balancer=power_of_d arrivals.utilization_ratio=.75 seed=2\"": (
        "two live runs of minutes, by the clock", "tests/live/calibrate/test_calibration.py", "fit_world("),
    "victor-sim validate family=plain engine=compiled seed=1": (
        "653 million requests; nothing shortens a row", "tests/experiments/test_validate_verb.py", '"family=plain"'),
    "victor-sim validate": (
        "42 CPU minutes; nothing shortens a row", "tests/experiments/test_validate_verb.py", '"validate", "--quick"'),
    "victor-sim validate engine=compiled": (
        "40 CPU minutes; nothing shortens a row", "tests/experiments/test_validate_verb.py", '"engine=compiled"'),
    "victor-sim bench --source": (
        "ten rounds of training each", "tests/live/test_source_bench.py", "_fleet("),
    "victor-sim bench --plugins": (
        "thousands of timed calls", "tests/experiments/test_bench_verb.py", '"bench", "--plugins"'),
}  # fmt: skip
