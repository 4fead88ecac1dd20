"""Runs small enough to be worked out by hand, in the tables that an engine returns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from alphapulse_lib.engine.request import FILLS, ORDERS, POSITIONS, RawResult
from alphapulse_lib.model.run import Costs, RunRecord, RunSpec, Series, StrategySource
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.results.record import keep

NEW_YORK = ZoneInfo("America/New_York")
_TIME = pa.timestamp("ns", "UTC")


def moment(text: str) -> int:
    """Nanoseconds of a New York wall time such as ``"2024-01-02 16:00"``."""
    return int(datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).timestamp()) * 1_000_000_000


def fills(*rows: tuple[str, str, str, float, float, float]) -> pa.Table:
    """Of (when, symbol, side, quantity, price, commission)."""
    return pa.Table.from_pydict(
        {
            "ts": pa.array([moment(row[0]) for row in rows], pa.int64()).cast(_TIME),
            "symbol": [row[1] for row in rows],
            "side": [row[2] for row in rows],
            "quantity": [float(row[3]) for row in rows],
            "price": [float(row[4]) for row in rows],
            "commission": [float(row[5]) for row in rows],
            "slippage": [0.0] * len(rows),
            "order_id": [f"O-{number}" for number in range(len(rows))],
            **{name: [0.0] * len(rows) for name in ("fees", "spread", "impact")},
            "bar_volume": [50_000.0] * len(rows),
        },
        schema=FILLS,
    )


def marks(*rows: tuple[Any, ...]) -> pa.Table:
    """Of (when, symbol, close) or (when, symbol, close, ratio)."""
    columns = {
        "ts": pa.array([moment(row[0]) for row in rows], pa.int64()).cast(_TIME),
        "symbol": pa.array([row[1] for row in rows], pa.string()).dictionary_encode(),
        "close": pa.array([float(row[2]) for row in rows]),
    }
    if rows and len(rows[0]) > 3:
        columns["ratio"] = pa.array([float(row[3]) for row in rows])
    return pa.table(columns)


def orders(count: int, status: str = "filled") -> pa.Table:
    """So many orders, all in one state."""
    row = {field.name: None for field in ORDERS} | {"symbol": "GOOG", "status": status, "reason": ""}
    return pa.Table.from_pylist([row] * count, ORDERS)


def spec(**changes: Any) -> RunSpec:
    """A moving-average cross on GOOG; ``name`` changes the strategy, all else a field of the spec."""
    name = changes.pop("name", "__main__:SmaCross")
    given: dict[str, Any] = {
        "strategy": StrategySource(name, "ab" * 32, "class SmaCross(Strategy):\n    '''<b>Cross</b> & co'''\n"),
        "instruments": ("GOOG.XNAS",),
        "period": "1d",
        "start": moment("2024-01-02 00:00"),
        "end": moment("2024-01-31 00:00"),
        "parameters": {"fast": 10, "slow": 20},
        "costs": Costs(per_share=0.01),
    }
    return RunSpec(**(given | changes))


DAYS = ("02", "03", "04", "05", "08", "09", "10", "11", "12")
CLOSES = (100.0, 102.0, 101.0, 105.0, 104.0, 108.0, 107.0, 103.0, 106.0)


def raw(status: str = "finished", **changes: Any) -> RawResult:
    """Bought 100 on the second day's open, sold half on the fifth's; nine days of closes."""
    given: dict[str, Any] = {
        "fills": fills(
            ("2024-01-03 09:30", "GOOG", "buy", 100, 101.0, 1.0),
            ("2024-01-08 09:30", "GOOG", "sell", 50, 106.0, 0.5),
        ),
        "orders": orders(2),
        "positions": POSITIONS.empty_table(),
        "marks": marks(
            *((f"2024-01-{day} 16:00", "GOOG", close) for day, close in zip(DAYS, CLOSES, strict=True)),
        ),
        "series": (Series("GOOG.XNAS-1-DAY-LAST-EXTERNAL", "team", 9, moment("2024-01-02 16:00"), 0, "3f" * 32),),
        "log": "first line\nlast line",
    }
    return RawResult(status=status, **(given | changes))  # type: ignore[arg-type]


def kept(
    ledger: Ledger, status: str = "finished", *, purpose: str = "trial", user: str = "ada", **changes: Any
) -> RunRecord:
    """A small run in a ledger; changes that a spec knows go there, the others to the raw result."""
    of_spec = {name: value for name, value in changes.items() if name == "name" or name in RunSpec.__dataclass_fields__}
    result = raw(status, **{name: value for name, value in changes.items() if name not in of_spec})
    return keep(spec(**of_spec), result, ledger, user=user, started_at=1, ended_at=2, purpose=purpose)  # type: ignore[arg-type]


def rising(values: Sequence[float], symbol: str = "GOOG") -> pa.Table:
    """Marks on weekdays from 2024-01-02 on, one a day."""
    import pandas as pd

    days = pd.bdate_range("2024-01-02", periods=len(values))
    return marks(*((f"{day:%Y-%m-%d} 16:00", symbol, value) for day, value in zip(days, values, strict=True)))
