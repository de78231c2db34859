"""What `validate` found, as numbers and as the text it prints; the exit code follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RowResult:
    """One known value against what was measured, with the half-width of the family-level interval."""

    name: str
    known: float
    measured: float
    half_width: float
    allowed: float  # largest half-width that still decides
    replications: int
    status: str  # ok, FAILS, not decided
    source: str


@dataclass(frozen=True, slots=True)
class InputCheck:
    """A mean of the load that must be 0: within `limit` of it, or the load is not what the config says."""

    case: str
    name: str
    mean: float
    limit: float
    passed: bool


@dataclass(frozen=True, slots=True)
class ValidationTable:
    """All rows of one `validate`."""

    rows: list[RowResult]
    inputs: list[InputCheck]
    problems: list[str]  # audits that failed
    seed: int
    quick: bool
    requests_count: int
    by_engine: dict[str, list[str]] = field(default_factory=dict)  # engine -> names of the rows that it ran

    @property
    def passed(self) -> bool:
        """Every row decided and right, every input as configured, every audit held."""
        return not self.problems and all(r.status == "ok" for r in self.rows) and all(i.passed for i in self.inputs)

    @property
    def exit_code(self) -> int:
        """0 when it passed, else 1."""
        return 0 if self.passed else 1

    def as_text(self) -> str:
        """The table, what is wrong with the load or the books, and the verdict as the last line."""
        width = max((len(row.name) for row in self.rows), default=4)
        lines = [f"{'known value':<{width}}  {'known':>9}  {'measured':>9}  {'+/-':>8}  {'allowed':>8}  "]
        for row in self.rows:
            lines.append(
                f"{row.name:<{width}}  {row.known:9.4f}  {row.measured:9.4f}  {row.half_width:8.4f}  "
                f"{row.allowed:8.4f}  {row.status}"
            )
        lines += [
            f"load of {check.case}: {check.name} is off by {check.mean:.2e}, {check.limit:.2e} at most by chance"
            for check in self.inputs
            if not check.passed
        ]
        lines += [f"INVALID: {problem}" for problem in self.problems]
        if set(self.by_engine) - {"simpy"}:
            lines += [f"{engine} ran {_listed(names, len(self.rows))}" for engine, names in self.by_engine.items()]
        passing = sum(row.status == "ok" for row in self.rows)
        words = "passed" if self.passed else "FAILED"
        bounds = "wider bounds (quick): 10 % and 25 %" if self.quick else "half-width at most 2 % and 5 %"
        lines.append(
            f"validate {words}: {passing} of {len(self.rows)} rows, family level .001, {bounds}, "
            f"{self.requests_count:,} requests, seed {self.seed}"
        )
        return "\n".join(line.rstrip() for line in lines)


def _listed(names: list[str], all_count: int) -> str:
    """How many rows, and which where they are the smaller part."""
    told = f": {', '.join(names)}" if len(names) <= all_count // 2 else ""
    return f"{len(names)} of {all_count} rows{told}"
