"""Corporate actions and financing in money, each against a computation by hand in the test's own comments."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import alphapulse_lib as ap
from alphapulse_lib.catalog import actions
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.sessions import sessions
from tests.resources.toy_market import Planned, write

TIME = pa.timestamp("ns", "UTC")


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalog of the test's own."""
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(tmp_path / "catalog"))
    return tmp_path


def closes_of(first: str, last: str) -> list[int]:
    """The closes of the sessions of Nasdaq between two days."""
    known = sessions("XNAS")
    days = (np.datetime64(first), np.datetime64(last) + np.timedelta64(1, "D"))
    begin, end = (each.astype("datetime64[ns]").astype(np.int64) for each in days)
    return [int(each) for each in known.closes if begin <= each < end]


def act(*rows: dict[str, Any]) -> None:
    """Write corporate actions; each known from its ex-date's first moment in UTC unless told."""
    table = pa.table(
        {
            "instrument_id": [row.get("id", "AAA.XNAS") for row in rows],
            "kind": [row["kind"] for row in rows],
            "ex_date": pa.array([row["ex"] for row in rows], pa.date32()),
            "ratio": pa.array([row.get("ratio") for row in rows], pa.float64()),
            "amount": pa.array([row.get("amount") for row in rows], pa.float64()),
            "new_symbol": [row.get("new_symbol", "") for row in rows],
            "available_at": pa.array([row.get("known", row["ex"]) for row in rows]).cast(TIME),
            "source": ["toy"] * len(rows),
        }
    )
    actions.write(Roots.of_settings().writable, table, "toy-actions")


def test_a_long_is_paid_a_dividend_before_and_after_a_split(toy: Path) -> None:
    # Ten sessions from Monday 2 March 2020; open = close of each day, as traded:
    #   2: 100   3: 100   4: 100   5: 99   6: 99   9: 49.5 (2:1 split)   10: 50   11: 50   12: 49.6   13: 50
    prices = [100.0, 100.0, 100.0, 99.0, 99.0, 49.5, 50.0, 50.0, 49.6, 50.0]
    write("AAA", "1d", closes_of("2020-03-02", "2020-03-13"), [(each, each, each, each) for each in prices])
    act(
        {"kind": "dividend", "ex": date(2020, 3, 5), "amount": 1.0},
        {"kind": "split", "ex": date(2020, 3, 9), "ratio": 2.0},
        {"kind": "dividend", "ex": date(2020, 3, 12), "amount": 0.4},
    )
    run = ap.backtest(Planned, "AAA", "1d", params={"plan": {"1": 10, "9": -5}}, cash=10_000, progress=False)
    # Bought 10 at the open of the 3rd at 100: cash 10,000 - 1,000 = 9,000.
    # Ex-date the 5th: 10 shares x 1.00 = 10.00, cash 9,010.
    # The 9th: 10 shares become 20. Ex-date the 12th: 20 x 0.40 = 8.00, cash 9,018.
    # Sold 5 engine shares, 10 as traded, at the open of the 13th at 50: 500.00, cash 9,518; 10 shares left.
    flows = run.cash_flows
    assert flows.kind.tolist() == ["dividend", "dividend"]
    assert flows.symbol.tolist() == ["AAA", "AAA"]
    assert flows.amount.tolist() == [10.0, 8.0]
    assert run.account.cash.tolist() == [10_000, 9_000, 9_000, 9_010, 9_010, 9_010, 9_010, 9_010, 9_018, 9_518]
    worth = [0, 1000, 1000, 990, 990, 990, 1000, 1000, 992, 500]
    assert run.equity.tolist() == pytest.approx([c + w for c, w in zip(run.account.cash, worth, strict=True)], abs=1e-9)
    assert run.equity.iloc[-1] == pytest.approx(10_018.00, abs=1e-9)
    # Held from the first close on: 100 shares at 100, paid 100.00 on the 5th; 200 shares, paid 80.00 on the 12th.
    held = [10_000, 10_000, 10_000, 10_000, 10_000, 10_000, 10_100, 10_100, 10_100, 10_180]
    assert run.benchmark.tolist() == pytest.approx(held, abs=1e-9)
