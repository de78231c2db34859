"""What `--help` teaches beside a verb's own text: commands with the question that each answers, and exit codes."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "run": (
        ("run fleet.nodes=20 service=llm balancer=power_of_d", "how does this one fleet do?"),
        ("run --multirun balancer=random,power_of_d fleet.nodes=10,100", "which of these, and how sure are we?"),
        ("run experiment=balancers --dry-run", "how long will the study take?"),
    ),
    "init": (
        ("init my-fleet", "a folder with my own fleet, trace and strategy"),
        ("run --config-dir conf experiment=mine", "in that folder: my strategy beside the known ones"),
    ),
    "inspect": (
        ("inspect trace.csv", "what is understood of my trace?"),
        ("inspect trace.csv arrivals.time_unit=ms arrivals.columns.time=when", "the same where names or units differ"),
    ),
    "report": (
        ("report balancers", "the report again, from what is stored"),
        ("report balancers --against results/published/balancers", "did a change of the code change the answer?"),
    ),
    "validate": (
        ("validate --quick", "is the simulator right, in a minute?"),
        ("validate family=plain engine=compiled seed=2", "the whole table of known answers, by the fast engine"),
    ),
    "storm": (
        ("storm seeds=20 seed=1", "does any invariant of the control plane break?"),
        ("replay storm 288", "one schedule again, made small where it breaks"),
    ),
    "optimize": (
        ("optimize methods=victor,random seeds=1..2 windows=20", "is it better than chance?"),
        ("optimize methods=victor seeds=1..8", "are its claims true?"),
    ),
    "replay": (
        ("replay run balancers balancer=random 0", "is a stored replication the same again, bit for bit?"),
        ("replay storm 288", "what happened in this schedule?"),
    ),
    "plugins": (
        ("plugins list", "which are there, and how well are they walled in on this machine?"),
        ("plugins check my-plugins/custom.mine", "is my plugin's folder in order?"),
    ),
    "demo": (
        ("demo", "what does the whole system do?"),
        ("demo --live", "the same with real processes"),
    ),
    "bench": (
        ("bench rounds=2 requests=20000", "how fast are the engines beside each other, in a minute?"),
        ("bench --source", "are the source's figures beaten tenfold?"),
    ),
    "serve": (
        ("serve fleet.nodes=3 balancer=power_of_d", "a live fleet on this machine"),
        ("serve --selftest kills=5", "is anything lost when nodes and control plane are killed?"),
    ),
    "node": (
        ("node server.url=tcp://127.0.0.1:8001 node.agents.agent=my_agents:answer", "my agents join a fleet"),
        ("node server.url=tls://fleet.example:8001 node.tls_ca=ca.pem", "the same over TLS"),
    ),
    "calibrate": (
        ("calibrate horizon_s=60", "how far is a prediction from a live run?"),
        ('calibrate --predict "balancer=random seed=2" --out results/mine', "predict another strategy"),
    ),
    "keys": (
        ("keys create me --scope operate", "a key, shown once"),
        ("keys token me", "a token of it, good for a quarter of an hour"),
    ),
    "doctor": (
        ("doctor", "is everything there?"),
        ("doctor --clean", "remove what killed writers left behind"),
    ),
}
CODES = "0 done; 2 a setting or an input that is not accepted, told in one line; 130 interrupted"
FAILURES = {
    "run": "a replication failed, or the result is invalid",
    "report": "two results differ",
    "validate": "the family of rows fails",
    "storm": "an invariant broke",
    "replay": "the two differ, or an invariant breaks",
    "plugins": "a plugin is not in order",
    "demo": "a part did not happen",
    "bench": "something is below what is claimed",
    "serve": "the self-test lost or doubled something",
    "calibrate": "a prediction is further off than asked",
    "doctor": "the store needs cleaning",
}


def teaching(verb: str) -> str:
    """Examples with the question that each answers, and what the exit codes mean."""
    wide = max(len(command) for command, _ in EXAMPLES[verb])
    lines = [f"  victor-sim {command:{wide}}  {question}" for command, question in EXAMPLES[verb]]
    failed = FAILURES.get(verb, "it could not be done")
    return "\n".join(["Examples:", *lines, "", f"Exit codes: {CODES}; 1 {failed}."])
