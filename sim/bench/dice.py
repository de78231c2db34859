"""Choices of one random configuration, and the small input files that some laws read; pure functions of a seed.

A configuration is a flat mapping of dotted keys to values over the defaults (`Overrides`). Everything that has a
length in time is drawn as a share of the run or as a multiple of the mean demand, in three digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sim.runtime.draws import CounterDraws, purpose

DICE = purpose("engines, random configurations")
FILES_SEED, TRACE_ROWS, FILES_SPAN_S = 1, 300, 40.0
TRACE, RATES, POINTS = "trace.csv", "rates.csv", "points.txt"
Overrides = dict[str, Any]


def digits(value: float) -> float:
    """Three significant digits."""
    return float(f"{value:.3g}")


class Dice:
    """One draw after another, from (seed, number)."""

    def __init__(self, seed: int, number: int, word: int = DICE) -> None:
        self._draws, self._thrown, self._word = CounterDraws(seed, number), 0, word

    def throw(self) -> float:
        """A uniform in (0, 1)."""
        self._thrown += 1
        return self._draws.uniform(self._word, self._thrown)

    def of(self, *choices: Any) -> Any:
        """One of them."""
        return choices[int(self.throw() * len(choices))]

    def happens(self, prob: float) -> bool:
        """With that chance."""
        return self.throw() < prob

    def between(self, low: float, high: float) -> float:
        """Uniform, three digits."""
        return digits(low + (high - low) * self.throw())

    def share(self, whole: float, *shares: float) -> float:
        """One of these shares of `whole`, three digits."""
        return digits(whole * float(self.of(*shares)))

    def several(self, choices: Sequence[Any], count: int) -> list[Any]:
        """`count` different ones, in their order."""
        left = list(range(len(choices)))
        chosen = [left.pop(int(self.throw() * len(left))) for _ in range(min(count, len(left)))]
        return [choices[index] for index in sorted(chosen)]

    def may(self, found: Overrides, prob: float, key: str, *choices: Any) -> None:
        """With that chance one of `choices` for `key`."""
        if self.happens(prob):
            found[key] = self.of(*choices)


def write_inputs(folder: Path) -> Path:
    """Write a trace (300 requests in 40 s), rates (of 40 s) and points of a CDF (mean 1 s) into `folder`; gives it."""
    folder.mkdir(parents=True, exist_ok=True)
    dice, at = Dice(FILES_SEED, 0), 0.0
    rows = ["timestamp,prompt_tokens,output_tokens,service_s,type,key"]
    for number in range(TRACE_ROWS):
        at += dice.throw() * 2.0 * FILES_SPAN_S / TRACE_ROWS if number % 5 else 0.0  # some of one instant
        sizes = f"{dice.of(40, 600, 5000)},{dice.of(1, 13, 200)},{dice.between(0.05, 1.95)}"
        rows.append(f"{at:.6f},{sizes},{dice.of('a', 'b')},{dice.of(*range(30))}")
    (folder / TRACE).write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / RATES).write_text("start,rate,cv\n0,5,1\n10,20,2\n20,0,0\n25,8,0.5\n35,3,1\n", encoding="utf-8")
    (folder / POINTS).write_text("0.1 0.1\n0.5 0.4\n1.0 0.7\n2.0 0.9\n6.0 1.0\n", encoding="utf-8")
    return folder
