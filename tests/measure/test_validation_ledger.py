"""`validate` after a kill: what was finished is not run again, and no digit changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.bench.ledger import Ledger
from sim.bench.schema import Config
from sim.bench.validate import QUICK_REPLICATIONS, run_validation
from sim.types.records import RunRecord
from tests.measure.validation_rig import case_named, single_server


def test_what_was_finished_before_a_kill_is_not_run_again(tmp_path: Path) -> None:
    chosen = [case_named("M/M/1 at 0.5"), case_named("M/M/1 at 0.8")]
    whole = run_validation(3, True, 1, None, chosen, single_server)
    ran: list[int] = []

    def dying(config: Config, replication: int) -> RunRecord:
        ran.append(replication)
        if len(ran) == QUICK_REPLICATIONS + 5:
            raise KeyboardInterrupt
        return single_server(config, replication)

    path = tmp_path / "validate.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run_validation(3, True, 1, None, chosen, dying, Ledger(path))
    with path.open("a") as file:
        file.write('["cut off, ')  # the line that a kill -9 leaves
    ran.clear()
    ran.extend([-1] * 1000)  # does not die any more
    ledger = Ledger(path)
    assert len(ledger.parts) == QUICK_REPLICATIONS + 4
    assert run_validation(3, True, 1, None, chosen, dying, ledger) == whole, "to the last digit"
    replications_count = QUICK_REPLICATIONS + sum(row.replications for row in whole.rows[1:2])
    assert len(ran) - 1000 == replications_count - (QUICK_REPLICATIONS + 4)
    again = run_validation(3, True, 1, None, chosen, dying, Ledger(path))
    assert again == whole
    assert len(ran) - 1000 == replications_count - (QUICK_REPLICATIONS + 4), "nothing is run again"
