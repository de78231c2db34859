"""What `bench --plugins` leaves: the isolation table, the speeds, and a page that shows both with its command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sim.bench.bench_tables import write_csv
from sim.bench.machine import facts
from sim.bench.plugin_probes import COLUMNS, MONTY, lines_of
from sim.bench.plugin_speed import Speed
from sim.integration.plugins.probes import PROBES, WANTED

COMMAND = "victor-sim bench --plugins"
ATTACKS = 'pytest tests/integration/plugins -k "attack or escape or isolation" --ledger results/plugins/attacks.csv'
SPEED_COLUMNS = ("what", "least_us", "p50_us", "p99_us", "count", "baseline", "ratio", "claimed_us")
WALLED = "worker (all)"


def faults_of(found: dict[str, dict[str, str]]) -> list[str]:
    """What the fully walled worker lets through and should not, or does not let through and should."""
    if WALLED not in found:
        return [f"{WALLED}: this machine does not give every wall"]
    told = found[WALLED]
    wrong = [probe for probe in PROBES if (told[probe] == "open") != (probe in WANTED)]
    return [f"{WALLED}, {PROBES[probe]}: {told[probe]}" for probe in wrong]


def write(folder: Path, found: dict[str, dict[str, str]], speeds: Sequence[Speed], load: str) -> None:
    """`isolation.csv`, `speed.csv` and `README.md`; `load` is how busy the machine was."""
    write_csv(folder / "isolation.csv", ("probe", *found), [[p, *(found[c][p] for c in found)] for p in PROBES])
    write_csv(folder / "speed.csv", SPEED_COLUMNS, [_cells(speed) for speed in speeds])
    (folder / "README.md").write_text("\n".join(_page(found, speeds, load)) + "\n", encoding="utf-8")


def _cells(speed: Speed) -> list[str]:
    ratio = "" if not speed.baseline else f"{speed.p50_s / speed.baseline_p50_s:.2f}"
    claimed = "" if speed.limit_s != speed.limit_s else f"{speed.limit_s * 1e6:.0f}"
    times = [f"{speed.least_s * 1e6:.1f}", f"{speed.p50_s * 1e6:.1f}", f"{speed.p99_s * 1e6:.1f}", str(speed.count)]
    return [speed.what, *times, speed.baseline, ratio, claimed]


def _page(found: dict[str, dict[str, str]], speeds: Sequence[Speed], load: str) -> list[str]:
    missing = [column for column in COLUMNS if column not in found]
    page = [
        "# Plugins: isolation and speed",
        "",
        f"Made by `{COMMAND}` on {', '.join(f'{name} {value}' for name, value in facts().items())}; {load}.",
        "",
        "## Sixteen probes, in each runner and behind each wall alone",
        "",
        "`open`: it worked. The bare column stands beside, since what the machine denies without a wall proves nothing",
        "about the walls. `worker (all)` is what an untrusted plugin gets; the two wanted rows must be open there.",
        f"`{MONTY}` is the interpreter alone: what it has no words for is `no such call`; its processes stand behind",
        "the same walls besides. `inproc` is no boundary and has no column; a `wasm` module imports nothing, so that",
        "it has no words for any of these but memory, which is bounded.",
        "",
        *lines_of(found),
        "",
    ]
    if missing:
        page += [f"This machine does not give: {', '.join(missing)}.", ""]
    page += [
        "## Attacks, and reloads under traffic",
        "",
        f"[attacks.csv](attacks.csv), a row a test: `{ATTACKS}`.",
        "[reloads.csv](reloads.csv), 1,000 reloads in this process and in a worker: `victor-sim plugins reloads`.",
        "",
        "## Speed",
        "",
        "Wall time is what a load takes on a machine that others use too; processor time what it takes of the machine:",
        "of this process, the one that workers are forked from, and the workers. Both are held against one claim.",
        "",
        "| what | least, us | p50, us | p99, us | n | in units of the baseline | claimed, us |",
        "| --- | ---: | ---: | ---: | ---: | --- | ---: |",
    ]
    for speed in speeds:
        what, least, p50, p99, count, baseline, ratio, claimed = _cells(speed)
        beside = f"{ratio} of {baseline}" if baseline else ""
        page.append(f"| {what} | {least} | {p50} | {p99} | {count} | {beside} | {claimed} |")
    return page
