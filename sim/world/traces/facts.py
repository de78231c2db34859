"""What is understood of a file of recorded load, as frozen facts that tell themselves in plain text.

Instants and durations in seconds, rates in 1/s; peaks are the fullest of the fixed seconds and minutes counted from the
first request, as ratios to the mean rate or as a rate.
"""

from __future__ import annotations

from dataclasses import dataclass

REJECTED_KEPT_MAX = 10


@dataclass(frozen=True, slots=True)
class Sizes:
    """Quantiles and mean of a column; tokens or seconds."""

    p50: float
    p90: float
    p99: float
    mean: float


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that is not accepted, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class TraceFacts:
    """A request trace; the rates and the CV are NaN where there are too few rows to say."""

    path: str
    rows: int
    span_s: float
    rate_per_s: float
    interarrival_cv: float
    peak_ratio: float  # fullest second over the mean
    busiest_minute_per_s: float
    sizes: dict[str, Sizes]  # field -> quantiles
    columns: dict[str, str]  # field -> column
    time_unit: str
    rejected: tuple[Rejected, ...]  # the first ones
    rejected_count: int
    command: str
    stand_in: str  # a command that needs no file; empty where nothing was fitted
    form: str = ""  # what it is written in, where that is no plain CSV
    notes: tuple[str, ...] = ()  # what was made of it

    def as_text(self) -> str:
        """One fact a line."""
        lines = [
            f"{self.path}: a request trace" + (f" ({self.form})" if self.form else ""),
            f"  rows               {self.rows:,}",
            f"  span               {self.span_s:,.1f} s ({self.span_s / 60.0:,.1f} min)",
            f"  rate               {self.rate_per_s:,.3f} requests/s",
            f"  inter-arrival CV   {self.interarrival_cv:.1f}",
            f"  busiest second     {self.peak_ratio:.0f} times the mean",
            f"  busiest minute     {self.busiest_minute_per_s:,.2f} requests/s",
            f"  time unit          {self.time_unit}",
        ]
        lines += [f"  {field:<18} column {column}" for field, column in self.columns.items()]
        for field, sizes in self.sizes.items():
            quantiles = f"p50 {sizes.p50:,.6g}  p90 {sizes.p90:,.6g}  p99 {sizes.p99:,.6g}  mean {sizes.mean:,.6g}"
            lines.append(f"  {field:<18} {quantiles}")
        lines += [f"  note               {note}" for note in self.notes]
        lines.append(f"  rejected lines     {self.rejected_count:,}")
        lines += [f"    row {rejected.line}: {rejected.reason}" for rejected in self.rejected]
        if self.rejected_count > len(self.rejected):
            lines.append(f"    and {self.rejected_count - len(self.rejected):,} more")
        lines += ["use it:", f"  {self.command}"]
        if self.stand_in:
            lines += ["or synthetic load with the same figures:", f"  {self.stand_in}"]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class BinFacts:
    """Load known as bins of start, rate and CV."""

    path: str
    rows: int
    span_s: float
    rate_per_s: float
    rate_max_per_s: float
    cv_max: float
    empty_count: int
    command: str
    rejected_count: int = 0

    def as_text(self) -> str:
        """One fact a line."""
        return "\n".join(
            [
                f"{self.path}: bins of start s, requests/s and inter-arrival CV",
                f"  bins               {self.rows:,} ({self.empty_count:,} without requests)",
                f"  span               {self.span_s:,.1f} s ({self.span_s / 86_400.0:,.2f} days)",
                f"  rate               {self.rate_per_s:,.3f} requests/s, at most {self.rate_max_per_s:,.3f}",
                f"  inter-arrival CV   at most {self.cv_max:.1f}",
                "use it:",
                f"  {self.command}",
            ]
        )


@dataclass(frozen=True, slots=True)
class CdfFacts:
    """A distribution of durations as points of its CDF."""

    path: str
    rows: int
    mean_s: float
    scv: float
    last_level: float
    command: str
    rejected_count: int = 0

    def as_text(self) -> str:
        """One fact a line."""
        return "\n".join(
            [
                f"{self.path}: a distribution as points (value s, F)",
                f"  points             {self.rows:,}, up to F = {self.last_level:g}",
                f"  mean               {self.mean_s:,.6g} s",
                f"  scv                {self.scv:.3f} (CV {self.scv**0.5:.3f})",
                "use it:",
                f"  {self.command}",
            ]
        )
