"""Alpaca's corporate actions: splits, dividends, spin-offs, renames and delistings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from alphapulse_lib.errors import BadAnswer
from alphapulse_lib.providers.alpaca_calls import ATTEMPTS, Calls
from alphapulse_lib.providers.contract import Batch

__all__ = ["batches"]

#: The most actions that Alpaca puts on a page, and the tickers in one request.
_ROWS, _TOGETHER = 1000, 100
#: Alpaca looks for the day an action is processed, which of dividends is the day they are paid.
_PAID_LATER = timedelta(days=120)
_NANOSECONDS = 10**9

_SCHEMA = pa.schema(
    {
        "line": pa.int64(),
        "reason": pa.string(),
        "symbol": pa.string(),
        "venue": pa.string(),
        "kind": pa.string(),
        "ex_date": pa.date32(),
        "ratio": pa.float64(),
        "amount": pa.float64(),
        "new_symbol": pa.string(),
        "part": pa.string(),
        "available_at": pa.int64(),
    }
)


def batches(calls: Calls, symbols: Sequence[str], start: int, end: int) -> Iterator[Batch]:
    """The actions whose date lies in the window, a page at a time.

    Parameters
    ----------
    start, end : int
        Nanoseconds of UTC; the days they lie in are included.

    Raises
    ------
    ProviderError
        Alpaca did not answer, refused, or its answer is not of the form that it publishes.
    """
    from alpaca.data.requests import CorporateActionsRequest

    first, last = (datetime.fromtimestamp(each / _NANOSECONDS, UTC).date() for each in (start, end))
    line = 1
    stocks = sorted({each for each in symbols if "/" not in each})
    for begun in range(0, len(stocks), _TOGETHER):
        chosen = stocks[begun : begun + _TOGETHER]
        asked = CorporateActionsRequest(start=first, end=last + _PAID_LATER, limit=_ROWS).to_request_fields()
        seen: set[str] = set()
        for found in _pages(calls, {**asked, "symbols": ",".join(chosen)}):
            rows = [row for row in found if _identity(row) not in seen]
            seen.update(_identity(row) for row in rows)
            made = [(_canonical(name, row), row) for name, row in rows]
            kept = [pair for pair in made if pair[0]["symbol"] in chosen and first <= pair[0]["ex_date"] <= last]
            if kept:
                table = [{"line": line + at} | canonical for at, (canonical, _) in enumerate(kept)]
                raw = pa.table({"row": [json.dumps(row, sort_keys=True) for _, row in kept]})
                line += len(kept)
                yield Batch("alpaca actions", pa.Table.from_pylist(table, schema=_SCHEMA), raw)


def _pages(calls: Calls, asked: dict[str, Any]) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    token: str | None = None
    tokens: set[str] = set()
    while True:
        wrong = ""
        for attempt in range(ATTEMPTS):
            body = calls.get("actions", "/corporate-actions", asked | ({"page_token": token} if token else {}))
            try:
                answer = json.loads(body)
                found = [(name, row) for name, rows in answer["corporate_actions"].items() for row in rows]
                for name, row in found:
                    _canonical(name, row)
                following: str | None = answer["next_page_token"]
                if following in tokens:
                    raise ValueError(f"its token {following!r} was given before")
            except (ValueError, KeyError, TypeError, AttributeError) as broken:
                wrong = f"{type(broken).__name__}: {broken}"
                calls.wait(attempt)
                continue
            break
        else:
            raise BadAnswer(
                f"Alpaca's page of corporate actions cannot be used ({wrong}). It was asked for {ATTEMPTS} times.",
                "What was fetched before is kept: ask again later.",
            )
        yield found
        if following is None:
            return
        tokens.add(following)
        token = following


def _identity(named: tuple[str, dict[str, Any]]) -> str:
    """Alpaca's own id; of a row without one, all it says."""
    return str(named[1].get("id") or json.dumps(named, sort_keys=True))


def _canonical(name: str, row: dict[str, Any]) -> dict[str, Any]:
    """An action in the contract's columns; one of a kind that we do not have carries the reason."""
    kind, symbol, ratio, amount, new_symbol, day = "", row.get("symbol"), None, None, None, row.get("ex_date")
    part = None
    match name:
        case "forward_splits" | "reverse_splits":
            kind, ratio = "split", float(row["new_rate"]) / float(row["old_rate"])
        case "stock_dividends":
            kind, ratio = "split", 1 + float(row["rate"])
        case "cash_dividends":
            kind, amount, part = "dividend", float(row["rate"]), "special" if row.get("special") else None
        case "spin_offs":
            kind, symbol, new_symbol = "spin_off", row["source_symbol"], row["new_symbol"]
            ratio = float(row["new_rate"]) / float(row["source_rate"])
        case "name_changes":
            kind, symbol, new_symbol = "rename", row["old_symbol"], row["new_symbol"]
        case "worthless_removals":
            kind, amount = "delisting", 0.0
        case "redemptions":
            kind, amount = "delisting", float(row["rate"])
        case "cash_mergers":
            kind, symbol, amount = "delisting", row["acquiree_symbol"], float(row["rate"])
        case "stock_mergers" | "stock_and_cash_mergers":
            kind, symbol, new_symbol = "delisting", row["acquiree_symbol"], row["acquirer_symbol"]
            ratio = float(row["acquirer_rate"]) / float(row["acquiree_rate"])
            if "cash_rate" in row:
                amount = float(row["cash_rate"])
        case _:
            symbol = symbol or row.get("old_symbol") or row.get("source_symbol")
    return {
        "reason": None if kind else f"{name.replace('_', ' ')} are kept nowhere",
        "symbol": symbol,
        "venue": None,
        "kind": kind or None,
        "ex_date": date.fromisoformat(day or row.get("effective_date") or row["process_date"]),
        "ratio": ratio,
        "amount": amount,
        "new_symbol": new_symbol,
        "part": part,
        "available_at": None,
    }
