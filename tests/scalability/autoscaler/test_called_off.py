"""A set-up that has failed and is called off while it is undone: nothing of it stays."""

from __future__ import annotations

from tests.scalability.autoscaler.test_actuator import Rig, rig

__all__ = ["rig"]


def test_called_off_while_what_failed_is_undone_it_leaves_nothing(rig: Rig) -> None:
    """Storm 1405656: a scale-in cut the removal short, and the node kept its places long after its machine was gone."""
    rig.manager.failing, rig.manager.busy = {1}, "m-0"
    task = rig.runtime.spawn(rig.actuator.add(), "add")
    rig.runtime.run(until=1.0)
    task.cancel()
    rig.runtime.run(until=2.0)
    assert (list(rig.manager.nodes), rig.provider.released, task.done()) == (["m-0"], [], False)
    rig.manager.busy = ""
    rig.runtime.run(until=40.0)
    assert task.cancelled()
    assert rig.provider.released == ["m-0"]
    assert rig.nothing_is_left()


def test_called_off_while_the_machine_of_what_failed_goes_back_it_is_given_back(rig: Rig) -> None:
    rig.manager.failing, rig.provider.release_s = {1}, 5.0
    task = rig.runtime.spawn(rig.actuator.add(), "add")
    rig.runtime.run(until=1.0)
    assert not rig.manager.nodes
    task.cancel()
    rig.runtime.run(until=7.0)
    assert task.cancelled()
    assert rig.provider.released == ["m-0"]


def test_called_off_again_it_waits_no_more(rig: Rig) -> None:
    """Who stops the fleet as a whole must not wait for a user's drain."""
    rig.manager.failing, rig.manager.busy = {1}, "m-0"
    task = rig.runtime.spawn(rig.actuator.add(), "add")
    for until in (1.0, 2.0):
        rig.runtime.run(until=until)
        task.cancel()
    rig.runtime.run(until=3.0)
    assert task.cancelled()
    assert rig.provider.released == ["m-0"]


def test_a_set_up_that_was_called_off_waits_no_more_when_it_is_called_off_again(rig: Rig) -> None:
    rig.manager.start_s, rig.manager.busy = 5.0, "m-0"
    task = rig.runtime.spawn(rig.actuator.add(), "add")
    for until in (1.0, 2.0):
        rig.runtime.run(until=until)
        task.cancel()
    rig.runtime.run(until=3.0)
    assert task.cancelled()
    assert rig.provider.released == ["m-0"]
