"""What the names of `hot_paths` are bound to for one balancer, before a kernel compiles them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.scalability.balancer.hot_paths import BalancerBooks

if TYPE_CHECKING:
    from sim.scalability.balancer.balancer import Balancer


@dataclass(frozen=True, slots=True)
class HotPaths:
    """Books, and what the names of this module are bound to; `refills`: no stale view needs the balancer."""

    books: BalancerBooks
    bound: dict[str, Any]
    refills: bool

    def mark(self, slots_count: int) -> None:
        """Members changed: every view is rebuilt before it is used."""
        books = self.books
        books.slots_count[0] = slots_count
        for index in range(len(books.fresh)):
            books.fresh[index] = 0


def hot_paths(balancer: Balancer) -> HotPaths:
    """What the kernel compiles for this balancer; with a slow start, for while no slot is within one."""
    chooser, params = balancer.settled_chooser, balancer.params
    own = balancer.polled and params.count_own_dispatches
    watched = balancer.central or chooser.score is not None or chooser.changed is not None
    refills = chooser.rebuild is None or is_plain(chooser.rebuild)
    refills = refills and not chooser.idle_tokens
    bound: dict[str, Any] = {
        "CENTRAL": balancer.central,
        "COUNTS_OWN": own,
        "MOVES_ON_SENT": balancer.central or (watched and (own or not balancer.polled)),
        "MOVES_ON_RELEASED": balancer.central or (watched and not balancer.polled),
        "HAS_SCORE": chooser.score is not None,
        "HAS_CHANGED": chooser.changed is not None,
        "HAS_ANSWERED": chooser.answered is not None,
        "HAS_REBUILD": chooser.rebuild is not None and refills,
        "HAS_IDLE": chooser.idle_tokens,
        "HAS_UNPICKED": chooser.unpicked is not None,
        "REFILLS": refills,
        "FORESEES": chooser.foresee is not None,
        "SLOW": balancer.slow is not None,
        "pick": chooser.pick,
    }
    for name in ("score", "rebuild", "changed", "answered", "unpicked", "foresee"):
        hook: Callable[..., Any] | None = getattr(chooser, name)
        if hook is not None and (refills or name != "rebuild"):
            bound[name] = hook
    return HotPaths(BalancerBooks(balancer), bound, refills)


def is_plain(fn: Callable[..., Any]) -> bool:
    """Whether a rule is a plain function as far as can be seen: no closure, and said to be one where it is not."""
    return getattr(fn, "__closure__", None) is None and not getattr(fn, "needs_python", False)
