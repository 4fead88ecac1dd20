"""A run that ended without any order says so, with what is likely why."""

from __future__ import annotations

from pathlib import Path

from small_runs import fills, kept, orders

from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.session.runs import SessionRun
from alphapulse_lib.views import cards, silence


def test_a_run_without_any_order_says_so_where_it_is_shown(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    quiet = kept(ledger, fills=fills(), orders=orders(0), parameters={"fast": 5, "slow": 40})
    said = "No order was sent in 9 bars. slow=40 may ask for more bars than there are."
    assert silence.told(quiet) == said
    run = SessionRun(quiet, ledger)
    run.changes = ()
    assert said in cards.text(run)
    assert said in Path(run.tearsheet(tmp_path / "sheet.html")).read_text()
    never = kept(ledger, fills=fills(), orders=orders(0), parameters={"fast": 5, "slow": 7, "on": True})
    assert "never came true" in silence.told(never)
    assert silence.told(kept(ledger)) == ""
    assert silence.told(kept(ledger, status="failed")) == ""
