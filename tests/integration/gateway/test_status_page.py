"""The status page and what feeds it: a page without data, tickets for its WebSocket, the status between the events."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pytest

from sim.integration.gateway.offer import STATUS, TICKET_S
from sim.integration.gateway.pace import TaskPace, quantile
from sim.integration.gateway.snapshot import snapshot
from sim.integration.gateway.watch import PAGE_BYTES_MAX, live_page, replay_page
from sim.types.fleet import NodeInfo
from tests.integration.gateway.rig import Rig
from tests.integration.gateway.test_gateway_sockets import Socket

OWN = "http://localhost"


def ticket(rig: Rig, key: str = "read") -> str:
    return str(rig.call("GET", "/v1/events/ticket", key).json()["ticket"])


def page_socket(rig: Rig, shown: str, **how: Any) -> Socket:
    """As a browser's page opens one: no header of its own, the ticket among the subprotocols."""
    words = ", ".join([STATUS, *([f"ticket.{shown}"] if shown else [])])
    return Socket(rig, **{"key": None, "origin": OWN, "sec_websocket_protocol": words, **how})


def test_the_page_holds_no_data_loads_nothing_and_is_the_same_for_everybody() -> None:
    rig = Rig(fleet=True)
    rig.runtime.run_task(rig.gateway.manager.register_node(NodeInfo("secret-node", "10.0.0.1", 80)))  # type: ignore[union-attr]
    page = rig.call("GET", "/status", None)
    assert (page.status, page.header("content-type")) == (200, "text/html; charset=utf-8")
    assert page.body == Rig().call("GET", "/", None).body == live_page()[0]
    assert len(page.body) < PAGE_BYTES_MAX
    text = page.body.decode()
    assert "secret-node" not in text
    assert re.findall(r'(?:src|href)="([^"]*)"', text) == ["data:,", "#main"]
    assert not re.search(r"\son\w+=|style=", re.sub(r"<(script|style)>.*?</\1>", "", text, flags=re.S))


def test_the_policy_names_the_style_and_the_script_by_their_hashes() -> None:
    page, policy = live_page()
    for tag in ("style", "script"):
        found = re.search(rf"<{tag}>(.*?)</{tag}>", page.decode(), re.S)
        assert found is not None
        digest = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}';" in policy.decode()
    told = policy.decode()
    assert "unsafe" not in told
    assert told.startswith("default-src 'none'; ")
    assert "connect-src 'self'" in told
    assert "frame-ancestors 'none'" in told


def test_a_run_in_a_page_cannot_end_its_block() -> None:
    page = replay_page({"name": "</script><script>alert(1)</script>{{run}}"}, "<b>").decode()
    assert page.count("</script>") == 2
    assert "<title>&lt;b&gt;</title>" in page
    assert "connect-src 'none'" in page


def test_a_ticket_opens_a_stream_for_the_own_page_alone() -> None:
    rig = Rig()
    shown = ticket(rig)
    assert page_socket(rig, shown).types[:2] == ["accept", "send"]
    assert page_socket(rig, shown).told[0]["subprotocol"] == STATUS  # and never the ticket
    assert page_socket(rig, shown, origin="http://localhost:81").told[0]["status"] == 403
    assert page_socket(rig, shown, origin="https://evil.example").told[0]["status"] == 403
    assert page_socket(rig, "").told[0]["status"] == 401
    assert page_socket(rig, shown + "x").told[0]["status"] == 401
    assert page_socket(rig, shown, key="read").told[0]["status"] == 401  # two credentials
    assert page_socket(rig, f"{shown}, ticket.{shown}").told[0]["status"] == 401
    closed = Rig({"status_page": "none"})
    assert page_socket(closed, ticket(closed)).told[0]["status"] == 403
    open_to_all = Rig({"authentication": False})
    assert page_socket(open_to_all, "").types[:2] == ["accept", "send"]
    assert page_socket(open_to_all, "", origin="https://evil.example").told[0]["status"] == 403


def test_a_ticket_reads_for_seconds_and_dies_with_its_key() -> None:
    rig = Rig()
    admins, readers = ticket(rig, "admin"), ticket(rig)
    told = rig.call("POST", "/v1/nodes", None, {"node_id": "n"}, headers={"Authorization": f"Bearer {admins}"})
    assert told.status == 403
    assert rig.call("GET", "/v1/events/ticket", None).status == 401
    rig.gateway.keys.revoke("read", rig.runtime.wall_at())  # type: ignore[union-attr]
    assert page_socket(rig, readers).told[0]["status"] == 401
    rig.pass_time(TICKET_S - 1.0)
    assert page_socket(rig, admins).types[0] == "accept"
    rig.pass_time(1.0)
    assert page_socket(rig, admins).told[0]["status"] == 401


def test_a_status_stream_begins_with_the_past_and_tells_the_status_every_two_seconds() -> None:
    rig = Rig(fleet=True)
    for number in range(305):
        rig.gateway.events.write(0.0, "old", f"{number}")
    socket = page_socket(rig, ticket(rig))
    kinds = [text["kind"] for text in socket.texts]
    assert kinds == ["status", *["old"] * 300]  # the newest of them
    assert socket.texts[1] == {"at": 0.0, "kind": "old", "subject": "5", "fields": {}, "past": True}
    rig.gateway.events.write(1.0, "new", "n")
    rig.pass_time(4.5)
    later = socket.texts[301:]
    assert [text["kind"] for text in later] == ["new", "status", "status"]
    assert "past" not in later[0]
    assert later[2]["at"] - later[1]["at"] == pytest.approx(2.0)
    assert Socket(rig).texts == []  # who does not ask for the status hears events only
    socket.leave()
    rig.pass_time(10.0)
    assert len(socket.texts) == 304


def test_a_revoked_key_ends_its_status_stream_within_two_seconds() -> None:
    rig = Rig()
    socket = page_socket(rig, ticket(rig))
    rig.gateway.keys.revoke("read", rig.runtime.wall_at())  # type: ignore[union-attr]
    rig.pass_time(2.0)
    assert socket.types[-1] == "close"
    assert socket.told[-1]["code"] == 1008


class Load:
    """Counts as a balancer would."""

    def in_flight(self, node_id: str) -> int:
        return {"n0": 3, "n1": 0}[node_id]

    def in_flight_count(self) -> int:
        return 3

    def waiting_count(self) -> int:
        return 7


def test_a_snapshot_tells_nodes_agents_and_load() -> None:
    rig = Rig(fleet=True)
    manager = rig.gateway.manager
    assert manager is not None
    for number in range(2):
        rig.runtime.run_task(manager.register_node(NodeInfo(f"n{number}", "10.0.0.1", 80, capacity=2)))
    rig.runtime.run_task(manager.deploy_agent({"name": "a", "type": "research", "model": "m"}, "n0"))
    assert snapshot(rig.gateway)["in_flight"] is None  # nobody counts
    rig.gateway.load = Load()
    told = snapshot(rig.gateway)
    assert [(row["node_id"], row["agents"], row["in_flight"], row["status"]) for row in told["node_rows"]] == [
        ("n0", 1, 3, "online"), ("n1", 0, 0, "online"),
    ]  # fmt: skip
    assert (told["in_flight"], told["waiting"], told["nodes_left_out"], told["ready"]) == (3, 7, 0, True)
    assert (told["tasks"], told["plugin_rows"], told["decisions"]) == (None, None, None)


def test_a_snapshot_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.integration.gateway.snapshot.NODES_MAX", 2)
    monkeypatch.setattr("sim.integration.gateway.snapshot.AGENTS_MAX", 0)
    rig = Rig(fleet=True)
    manager = rig.gateway.manager
    assert manager is not None
    for number in range(5):
        rig.runtime.run_task(manager.register_node(NodeInfo(f"n{number}", "10.0.0.1", 80, capacity=2)))
    rig.runtime.run_task(manager.deploy_agent({"name": "a", "type": "research", "model": "m"}, "n0"))
    told = snapshot(rig.gateway)
    assert [row["node_id"] for row in told["node_rows"]] == ["n0", "n1"]
    assert [row["agents"] for row in told["node_rows"]] == [None, None]
    assert told["nodes_left_out"] == 3


def test_pace_is_that_of_the_last_minute_within_its_bound() -> None:
    pace = TaskPace(pace_max=4)
    assert pace.as_dict(10.0, "done")["latency_s_p50"] is None
    pace.add(1.0, 9.0, "done")
    for second, state in ((70.0, "done"), (71.0, "done"), (72.0, "failed")):
        pace.add(second, second - 69.5, state)
    told = pace.as_dict(80.0, "done")
    assert (told["latency_s_p50"], told["latency_s_p99"]) == (0.5, 1.5)  # the first one is over a minute old
    assert told["ended_per_s"] == pytest.approx(3 / 60)
    assert told["failed_per_s"] == pytest.approx(1 / 60)
    for second in (73.0, 74.0):
        pace.add(second, 0.1, "done")
    told = pace.as_dict(80.0, "done")  # full: the window is as long as the ring reaches back
    assert told["window_s"] == pytest.approx(9.0)
    assert told["ended_per_s"] == pytest.approx(4 / 9)
    assert told["counts"] == {"done": 5, "failed": 1}
    assert [quantile([1.0, 2.0, 3.0, 4.0], share) for share in (0.5, 0.51, 0.99)] == [2.0, 3.0, 4.0]
