"""The isolation table, measured: what each wall alone denies, what a worker behind all of them is left with."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.bench import plugin_pages
from sim.bench.plugin_probes import COLUMNS, MONTY, lines_of, table
from sim.bench.plugin_speed import Speed
from sim.integration.plugins.probes import PROBES, SOURCE, WANTED

# What each wall denies by itself; the environment of process 1 may be denied by the machine and is in no row.
ALONE = {
    "rlimits": {"memory", "descriptors"},
    "namespaces": {"tcp", "udp", "abstract_socket"},
    "namespaces+root_view": {"tcp", "udp", "abstract_socket", "read_passwd", "write_file", "list_folder", "exec"},
    "landlock": {"read_passwd", "write_file", "list_folder", "tcp", "abstract_socket", "signal_parent", "exec"},
    "seccomp": {
        "write_file", "tcp", "udp", "abstract_socket", "signal_parent", "exec", "fork", "ptrace", "user_namespace",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, str]]:
    return table()


def test_isolation_probes_are_sixteen_and_each_is_a_hook() -> None:
    assert len(PROBES) == 16
    assert all(f"def {probe}(where):" in SOURCE.decode() for probe in PROBES)


def test_isolation_is_not_the_machines_own_doing(found: dict[str, dict[str, str]]) -> None:
    open_ones = {probe for probe, told in found["bare process"].items() if told == "open"}
    assert open_ones >= set(PROBES) - {"read_environ_of_init"}


@pytest.mark.parametrize("wall", ALONE)
def test_isolation_by_one_wall_alone(found: dict[str, dict[str, str]], wall: str) -> None:
    if wall not in found:
        pytest.skip(f"this machine does not give {wall}")
    denied = {probe for probe, told in found[wall].items() if told != "open"}
    assert denied - {"read_environ_of_init"} == ALONE[wall]


def test_isolation_behind_all_walls_leaves_what_is_wanted(found: dict[str, dict[str, str]]) -> None:
    if plugin_pages.WALLED not in found:
        pytest.skip("this machine does not give every wall")
    assert plugin_pages.faults_of(found) == []
    assert {probe for probe, told in found[plugin_pages.WALLED].items() if told == "open"} == set(WANTED)


def test_isolation_of_monty_is_that_nothing_is_open(found: dict[str, dict[str, str]]) -> None:
    assert [probe for probe, told in found[MONTY].items() if told == "open"] == []


def test_a_hole_and_a_wall_too_many_are_told() -> None:
    told = dict.fromkeys(PROBES, "denied EPERM") | dict.fromkeys(WANTED, "open")
    assert plugin_pages.faults_of({plugin_pages.WALLED: told}) == []
    holed = {plugin_pages.WALLED: told | {"fork": "open", "thread": "denied EPERM"}}
    assert plugin_pages.faults_of(holed) == [
        "worker (all), fork: open", "worker (all), start a thread (wanted): denied EPERM",
    ]  # fmt: skip
    assert plugin_pages.faults_of({}) == ["worker (all): this machine does not give every wall"]


def test_the_page_holds_the_table_the_speeds_and_what_is_missing(tmp_path: Path) -> None:
    told = {"bare process": dict.fromkeys(PROBES, "open")}
    speed = Speed("call", 25e-6, 30e-6, 60e-6, 10, "echo", 10e-6, 20e-6)
    plugin_pages.write(tmp_path, told, [speed], "load average 0.1")
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "\n".join(lines_of(told)) in page
    assert "| call | 25.0 | 30.0 | 60.0 | 10 | 3.00 of echo | 20 |" in page
    assert "This machine does not give: " + ", ".join([each for each in COLUMNS if each != "bare process"]) in page
    assert (tmp_path / "speed.csv").read_text(encoding="utf-8").splitlines()[1] == "call,25.0,30.0,60.0,10,echo,3.00,20"
    assert len((tmp_path / "isolation.csv").read_text(encoding="utf-8").splitlines()) == 17
    assert speed.broken == "call: 0.000030 s, claimed 2e-05 s"
