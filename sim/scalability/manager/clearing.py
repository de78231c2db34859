"""A node is cleared: what it may still run of agents that live elsewhere is stopped, by one job at a time.

Nobody waits for the answer of a machine that is gone. A clearing ends with the loss of its node, and one that a sign of
life began ends when the node falls silent again; its next sign of life asks anew. A user's word takes the place of
whatever waits: the question may be lost where nobody can see it, while heartbeats go on to come.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.errors import NodeError
from sim.scalability.manager.context import Context
from sim.scalability.manager.deployment import HOST_ERRORS, Deployer
from sim.scalability.manager.entries import Node
from sim.scalability.manager.jobs import Jobs


class Clearing:
    """Of all nodes; `returned(node, reason)` is told of one that was heard of and is clear now."""

    def __init__(self, context: Context, deployer: Deployer, jobs: Jobs, returned: Callable[[Node, str], None]) -> None:
        self.context, self.deployer, self.jobs, self._returned = context, deployer, jobs, returned
        self._returning: dict[int, None] = {}  # births of nodes that a sign of life began to clear

    def is_on(self, node: Node) -> bool:
        """Is it being cleared?"""
        return _job(node) in self.jobs

    def is_return(self, node: Node) -> bool:
        """Is it being cleared because it was heard of?"""
        return node.birth in self._returning

    def call_off(self, node: Node) -> None:
        """Wait no more for what it answers."""
        self.jobs.cancel(_job(node))

    def begin(self, node: Node, reason: str | None) -> None:
        """In the background; with a reason the node has been heard of and is back afterwards."""
        if self.is_on(node):
            return
        if reason is not None:
            self._returning[node.birth] = None
        self.jobs.spawn(_job(node), lambda: self._run(node, reason), lambda: self._over(node))

    async def _run(self, node: Node, reason: str | None) -> None:
        try:
            await self.deployer.stop_orphans(node)
        except HOST_ERRORS as error:
            self.context.write("clear_failed", node.node_id, reason=str(error) or type(error).__name__)
            return
        finally:
            self._over(node)
        if reason is not None and node.silent and not node.gone:
            self._returned(node, reason)

    def _over(self, node: Node) -> None:
        self._returning.pop(node.birth, None)

    async def asked(self, node: Node) -> None:
        """A user wants it back: as `done`, in the place of whoever asked before."""
        while _job(node) in self.jobs:
            self.call_off(node)
            await self.jobs.ended(_job(node))
        await self.done(node)

    async def done(self, node: Node) -> None:
        """Wait for it; raises the host's error, and `NodeError` when its loss or a later word calls it off."""
        over, called_off = self.context.runtime.event(), NodeError(node.node_id, "was lost meanwhile, or asked again")

        async def stop() -> None:
            outcome: Exception | None = called_off
            try:
                await self.deployer.stop_orphans(node)
                outcome = None
            except HOST_ERRORS as error:
                outcome = error
            finally:
                over.set(outcome)

        self.jobs.spawn(_job(node), stop, lambda: over.set(called_off))
        try:
            outcome = await over.wait()
        finally:
            if not over.is_set():  # whoever waits is cancelled
                self.call_off(node)
        if outcome is not None:
            raise outcome


def _job(node: Node) -> str:
    return f"clear {node.node_id} {node.birth}"
