"""The tearsheet's tables of a run taken apart: its deepest drawdowns, its years, its symbols."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alphapulse_lib.results.breakdown import nanoseconds
from alphapulse_lib.views import numbers

if TYPE_CHECKING:
    import pandas as pd

    from alphapulse_lib.results.run import Run

__all__ = ["money", "tables"]

_DRAWDOWNS = 5
_SYMBOLS = 20


def tables(run: Run) -> dict[str, Any]:
    """Rows of cells, each a text with its tone; none where a table would say nothing."""
    currency = numbers.currency(run.record)
    return {"drawdowns": _drawdowns(run), "years": _years(run, currency), **_symbols(run, currency)}


def _drawdowns(run: Run) -> list[list[tuple[str, str]]]:
    """The deepest, with when they began, were worst and were made good."""
    found = run.drawdowns.head(_DRAWDOWNS)
    zone = numbers.place(run.spec).timezone
    moments = [nanoseconds(found[name]).tolist() for name in ("peak", "trough", "recovered")]
    return [
        [
            _share(row["depth"]),
            *((numbers.bar_day(at, zone), "") for at in times[:2]),
            (numbers.bar_day(times[2], zone) if recovered else "not yet", ""),
            (numbers.count(row["length"]), ""),
        ]
        for row, recovered, *times in zip(found.to_dict("records"), found["recovered"].notna(), *moments, strict=True)
    ]


def _years(run: Run, currency: str) -> list[list[tuple[str, str]]]:
    return [
        [
            (str(year), ""),
            _share(row["return"]),
            _share(row["benchmark"]),
            (numbers.percent(row["volatility"], signed=False), ""),
            (numbers.ratio(row["sharpe"]), ""),
            _share(row["max_drawdown"]),
            (numbers.count(row["trades"]), ""),
            (numbers.percent(row["hit_rate"], 0, signed=False), ""),
            money(row["pnl"], currency),
        ]
        for year, row in _rows(run.by("year"))
    ]


def _symbols(run: Run, currency: str) -> dict[str, Any]:
    """What each brought, the best and the worst of many; nothing of one alone, which is the run itself."""
    found = run.by("symbol")
    if len(found) < 2:
        return {"by_symbol": [], "by_symbol_note": ""}
    cut = len(found) > _SYMBOLS
    shown = found.iloc[[*range(_SYMBOLS // 2), *range(-_SYMBOLS // 2, 0)]] if cut else found
    note = f"the best and the worst {_SYMBOLS // 2} of {len(found)}" if cut else "the best first"
    return {
        "by_symbol_note": note,
        "by_symbol": [
            [
                (str(symbol), ""),
                money(row["pnl"], currency),
                money(row["paid"], currency),
                (numbers.money(row["commission"], currency, named=False), ""),
                (numbers.money(row["traded"], currency, named=False), ""),
                (numbers.count(row["fills"]), ""),
                (numbers.count(row["trades"]), ""),
                (numbers.percent(row["hit_rate"], 0, signed=False), ""),
                (numbers.ratio(row["profit_factor"]), ""),
            ]
            for symbol, row in _rows(shown)
        ],
    }


def _rows(frame: pd.DataFrame) -> list[tuple[Any, dict[Any, Any]]]:
    return list(zip(frame.index.tolist(), frame.to_dict("records"), strict=True))


def _share(value: float) -> tuple[str, str]:
    return numbers.percent(value), numbers.tone(value)


def money(value: float, currency: str) -> tuple[str, str]:
    """A gain or a loss below the name of its column, with its tone."""
    told = numbers.money(value, currency, signed=True, named=False)
    return told, numbers.tone(value, lambda _: told)
