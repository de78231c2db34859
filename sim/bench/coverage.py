"""How often the 95 % interval holds the truth: mean, p95 and p99 sojourn, many macro-replications.

One macro-replication is what a user does once: `replications` runs from an empty fleet, one warm-up cut by MSER-5 on
their mean, a t interval over replication means, sectioning about the pooled quantile. The covered share over `macro`
of them must lie in the binomial 99 % band. M/M/c is known exactly; the fleet behind power of two choices by
`TRUTH_UNITS` units of twice the replications on seeds of their own, which must know it to a tenth of the half-width.
Macro-replications two by two are an A/A comparison of two seeds: the share that rejects at 1 - confidence has a band
too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import joblib
import numpy as np
from scipy import stats

from sim.bench.coverage_runs import MMC, MacroRun, Setting
from sim.bench.ledger import Ledger
from sim.bench.pool import spread
from sim.errors import WorkerLost
from sim.measure.compare import paired_values
from sim.measure.intervals import sectioning, t_interval
from sim.measure.metrics import QUANTILE_METRICS, measure
from sim.measure.samples import pooled
from sim.measure.theory import mmc_quantile, mmc_sojourn
from sim.measure.warmup import point_cut

METRICS = ("sojourn_s_mean", "sojourn_s_p95", "sojourn_s_p99")
TRUTH_UNITS = 100
TRUTH_SEED = 2**40  # seeds of the truth's runs are above those of the macro-replications
KNOWN_RATIO = 0.1  # of the mean half-width: so well the truth must be known
Part = dict[str, list[Any]]  # metric -> center, low, high, values of the replications


@dataclass(frozen=True, slots=True)
class Share:
    """A count of `macro` trials, and where its share lies but for 1 % of experiments if all is as it says."""

    what: str
    count: int
    macro: int
    band_low: float
    band_high: float

    @property
    def share(self) -> float:
        """Count over all."""
        return self.count / self.macro

    @property
    def passed(self) -> bool:
        """Whether the share lies in the band."""
        return self.band_low <= self.share <= self.band_high

    def as_text(self) -> str:
        """One line."""
        word = "within" if self.passed else "OUTSIDE"
        band = f"[{self.band_low:.3f}, {self.band_high:.3f}]"
        return f"{self.count} of {self.macro} {self.what}: {self.share:.4f}, {word} {band}"


@dataclass(frozen=True, slots=True)
class Known:
    """The truth of a metric, how well it is known (half-width), and the mean half-width of the intervals held to it."""

    metric: str
    value: float
    half_width: float
    interval_half_width: float

    @property
    def passed(self) -> bool:
        """Whether it is known well enough to judge by."""
        return self.half_width <= KNOWN_RATIO * self.interval_half_width

    def as_text(self) -> str:
        """One line."""
        if not self.half_width:
            return f"{self.metric} is {self.value:.6g} s exactly, intervals +- {self.interval_half_width:.3g}"
        word = "known" if self.passed else "NOT KNOWN"
        ratio = self.half_width / self.interval_half_width
        return (
            f"{self.metric} is {self.value:.6g} +- {self.half_width:.2g} s, intervals +- "
            f"{self.interval_half_width:.3g}: {word} to a tenth ({ratio:.3f})"
        )


@dataclass(frozen=True, slots=True)
class Coverage:
    """Covered shares, the truths they are held to, and the share of A/A comparisons that reject."""

    shares: list[Share]
    known: list[Known]

    @property
    def passed(self) -> bool:
        """Whether everything is as it says."""
        return all(share.passed for share in self.shares) and all(known.passed for known in self.known)

    def as_text(self) -> str:
        """A line each."""
        return "\n".join([*(known.as_text() for known in self.known), *(share.as_text() for share in self.shares)])


def coverage(
    setting: Setting,
    macro: int,
    seed: int,
    run: MacroRun,
    workers: int = 0,
    ledger: Ledger | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Coverage:
    """Covered shares over `macro` macro-replications; `workers` processes, 0 for one a core.

    `ledger` keeps each as it is finished, by its seed, and knows those of before; `progress` hears done and total.
    """
    kept = Ledger(None) if ledger is None else ledger
    seeds = [seed * macro + number for number in range(macro)]
    unit = replace(setting, replications=2 * setting.replications)
    units = [] if setting.system == MMC else [TRUTH_SEED + number for number in range(TRUTH_UNITS)]
    asked = [*((setting, one) for one in seeds), *((unit, one) for one in units)]
    missing = [(what, one) for what, one in asked if str(one) not in kept.parts]
    done = len(asked) - len(missing)
    for one, part in _measured([(what, one, run) for what, one in missing], workers):
        kept.write(str(one), part)
        done += 1
        if progress is not None:
            progress(done, len(asked))
    parts = [kept.parts[str(one)] for one in seeds]
    known = [_known(setting, name, [kept.parts[str(one)] for one in units], parts) for name in METRICS]
    return Coverage([*_covered(setting, known, parts), *_rejected(setting, parts)], known)


def _measured(calls: list[tuple[Setting, int, MacroRun]], workers: int) -> Iterator[tuple[int, Part]]:
    with closing(spread(measured, calls, workers or joblib.cpu_count())) as coming:
        for number, part in coming:
            if isinstance(part, WorkerLost):
                raise part
            yield calls[number][1], part


def measured(setting: Setting, seed: int, run: MacroRun) -> Part:
    """Estimates of one macro-replication, as a study makes them."""
    records = [run(setting, seed, number) for number in range(setting.replications)]
    cut_s = point_cut(records).cut_s
    found = [measure(record, cut_s, None, 0.0, "sojourn_s_p99") for record in records]
    pool = pooled([samples["sojourn_s"] for _, samples in found])
    part: Part = {}
    for name in METRICS:
        values = np.array([metrics[name] for metrics, _ in found])
        interval = t_interval(values, setting.confidence_ratio)
        if name in QUANTILE_METRICS:
            center = float(pool.quantiles((QUANTILE_METRICS[name][1],))[0])
            interval = sectioning(center, values, setting.confidence_ratio)
        part[name] = [interval.center, interval.low, interval.high, values.tolist()]
    return part


def _known(setting: Setting, name: str, units: list[Part], parts: list[Part]) -> Known:
    half_width = float(np.mean([(part[name][2] - part[name][1]) / 2.0 for part in parts]))
    if not units:
        prob = QUANTILE_METRICS[name][1] if name in QUANTILE_METRICS else None
        exact = (
            mmc_sojourn(setting.servers, setting.rho)
            if prob is None
            else mmc_quantile(setting.servers, setting.rho, prob)
        )
        return Known(name, exact, 0.0, half_width)
    interval = t_interval(np.array([unit[name][0] for unit in units]), setting.confidence_ratio)
    return Known(name, interval.center, interval.half_width, half_width)


def _covered(setting: Setting, known: list[Known], parts: list[Part]) -> Iterator[Share]:
    for one in known:
        count = sum(part[one.metric][1] <= one.value <= part[one.metric][2] for part in parts)
        yield _share(f"intervals cover {one.metric}", count, len(parts), setting.confidence_ratio)


def _rejected(setting: Setting, parts: list[Part]) -> Iterator[Share]:
    """A/A: neighbors are one system under two seeds; the paired test rejects as often as it says."""
    pairs = list(zip(parts[::2], parts[1::2], strict=False))
    for name in METRICS if pairs else ():
        found = [_p_value(name, ours[name], theirs[name]) for ours, theirs in pairs]
        count = sum(p_value < 1.0 - setting.confidence_ratio for p_value in found)
        yield _share(f"A/A pairs of seeds differ in {name}", count, len(pairs), 1.0 - setting.confidence_ratio)


def _p_value(name: str, ours: list[Any], theirs: list[Any]) -> float:
    center = ours[0] - theirs[0] if name in QUANTILE_METRICS else None
    return paired_values(np.array(ours[3]), np.array(theirs[3]), center).p_value


def _share(what: str, count: int, trials: int, prob: float) -> Share:
    low, high = stats.binom.interval(0.99, trials, prob)
    return Share(what, count, trials, float(low) / trials, float(high) / trials)
