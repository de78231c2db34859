"""The validate verb: settings handed on, engines compared, and what is finished is not done again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from sim.bench.ledger import Ledger
from sim.bench.validate_case import Case
from sim.types.records import RunRecord

Said = Callable[..., tuple[int, str, str]]


class Table:
    """What a validation found."""

    exit_code = 1

    def as_text(self) -> str:
        return "validate FAILED"


def test_validate_hands_its_settings_on(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def validation(
        seed: int,
        quick: bool,
        workers: int,
        progress: Callable[[int, int], None],
        chosen: Sequence[Case],
        run: partial[RunRecord],
        ledger: Ledger,
    ) -> Table:
        assert ledger.path is not None
        assert ledger.path.is_relative_to("kept/ledgers")
        rows_count = sum(len(case.rows) for case in chosen)
        asked.extend((seed, quick, workers, run.args, rows_count))
        progress(1, 1)
        return Table()

    monkeypatch.setattr("sim.bench.validate.run_validation", validation)
    code, out, err = said("validate", "--quick", "seed=7", "workers=2", "engine=simpy", "paths.store=kept")
    assert (code, out, asked) == (1, "validate FAILED\n", [7, True, 2, ("simpy",), 41])
    assert said("validate", "engine=fast")[2] == ("victor-sim: engine=fast: accepted is auto / simpy / compiled\n")
    assert "validate: 1/1, took " in err
    said("validate", "engine=compiled", "family=plain", "paths.store=kept")
    assert asked[-2:] == [("compiled",), 28]
    assert said("validate", "family=odd")[::2] == (2, "victor-sim: family=odd: accepted is all / plain\n")


def test_validate_compares_engines_and_goes_on_where_it_stopped(said: Said) -> None:
    code, out, err = said("validate", "--engines", "configurations=3", "seed=2", "paths.store=kept")
    assert code == 0, err
    assert out.startswith("seed 2, plain: ")
    assert "engines: 3/3, took " in err  # a slow machine also says how far it is on the way
    ledgers = list(Path("kept/ledgers").glob("engines-*.jsonl"))
    assert len(ledgers) == 1
    written = ledgers[0].read_text()
    assert said("validate", "--engines", "configurations=3", "seed=2", "paths.store=kept")[:2] == (code, out)
    assert ledgers[0].read_text() == written
    refused = "victor-sim: kinds=some: accepted is one of plain, fire, all\n"
    assert said("validate", "--engines", "kinds=some")[::2] == (2, refused)
    one = ["horizon_s=20", "fleet.nodes=2", "fleet.agents_per_node=1", "seed=5"]
    code, out, _ = said("validate", "--engines", *one, "balancer.kind=power_of_d")
    assert code == 0
    assert out.startswith("equal bit by bit, ")
    code, _, err = said("validate", "--engines", *one, "gateway=default")
    assert code == 2
    assert "the compiled engine does not run gateway" in err


def test_validate_covers_and_goes_on_where_it_stopped(said: Said) -> None:
    words = ["validate", "--coverage", "--twin", "macro=3", "replications=3", "requests=400", "workers=1"]
    code, out, err = said(*words)
    assert out.startswith("twin recursion, mmc of 1:\nsojourn_s_mean is 5 s exactly")
    assert "coverage: 3/3, took " in err
    assert said(*words) == (code, out, "")
