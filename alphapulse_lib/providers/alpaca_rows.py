"""Alpaca's rows in the contract's canonical columns; all of it on whole columns."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib.model.period import Period
from alphapulse_lib.providers.alpaca_pages import Page
from alphapulse_lib.providers.contract import Batch, Fetch

__all__ = ["batch"]

_DAY = 86_400 * 10**9
_ZONES = {"stocks": "America/New_York", "crypto": "UTC"}
#: What Alpaca says of a trade that the exchange took back or replaced.
_TAKEN_BACK = ("canceled", "incorrect")


def batch(page: Page, fetch: Fetch, service: str, line: int) -> Batch:
    """The rows of a page that lie in the window.

    Parameters
    ----------
    service : {"stocks", "crypto"}
        Where they came from.
    line : int
        The number of the page's first row.
    """
    if fetch.kind == "bars":
        made = _bars(page.rows, Period.parse(fetch.period or ""), _ZONES[service])
    else:
        made = _trades(page.rows) if fetch.kind == "trades" else _quotes(page.rows)
    count = page.rows.num_rows
    venue = pa.nulls(count, pa.string()) if service == "stocks" else pa.repeat("CRYPTO", count)
    table = pa.table(
        {
            "line": pa.array(range(line, line + count), pa.int64()),
            "symbol": page.rows["symbol"],
            "venue": venue,
            **made,
            "available_at": pa.nulls(count, pa.int64()),
        }
    )
    raw = pa.table({"row": _text(page.rows)})
    if not (fetch.kind == "bars" and Period.parse(fetch.period or "").is_session):
        inside = pc.and_(
            pc.greater_equal(table["instant"], fetch.window.start), pc.less_equal(table["instant"], fetch.window.end)
        )
        if not pc.all(inside, min_count=0).as_py():
            table, raw = table.filter(inside), raw.filter(inside)
    first, last = page.rows["symbol"][0].as_py(), page.rows["symbol"][-1].as_py()
    said = " ".join(filter(None, (fetch.kind, fetch.period, first if first == last else f"{first} to {last}")))
    return Batch(f"alpaca {said}", table, raw, page.notes)


def _bars(rows: pa.Table, period: Period, zone: str) -> dict[str, pa.Array]:
    count = rows.num_rows
    instant = rows["instant"]
    reason = pa.nulls(count, pa.string())
    if period.is_session:
        local = instant.cast(pa.timestamp("ns", "UTC")).cast(pa.timestamp("ns", zone))
        wall = pc.local_timestamp(local).cast(pa.int64())
        odd = pc.not_equal(wall, pc.multiply(pc.divide(wall, _DAY), _DAY))
        reason = pc.if_else(odd, f"a day that does not begin at midnight of {zone}", reason)
        wall = pc.multiply(pc.divide(wall, _DAY), _DAY)
    else:
        instant = wall = pc.add(instant, period.nanoseconds)
    names = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"}
    return {
        "reason": reason,
        "name": pa.nulls(count, pa.string()),
        "instant": instant,
        "wall": wall,
        "bare": pa.repeat(period.is_session, count),
        **{ours: rows[theirs] for theirs, ours in names.items()},
        "adj_close": pa.nulls(count, pa.float64()),
    }


def _trades(rows: pa.Table) -> dict[str, pa.Array]:
    taken_back = pc.fill_null(pc.is_in(rows["u"], value_set=pa.array(_TAKEN_BACK)), fill_value=False)
    said = pc.binary_join_element_wise("the exchange took it back:", rows["u"], " ")
    return {
        "reason": pc.if_else(taken_back, said, pa.scalar(None, pa.string())),
        "instant": rows["instant"],
        "price": rows["p"],
        "size": rows["s"],
        "trade_id": rows["i"].cast(pa.string()),
        "conditions": pc.coalesce(pc.binary_join(rows["c"], ","), rows["tks"]),
        "exchange": rows["x"],
    }


def _quotes(rows: pa.Table) -> dict[str, pa.Array]:
    names = {"bp": "bid", "ap": "ask", "bs": "bid_size", "as": "ask_size"}
    return {
        "reason": pa.nulls(rows.num_rows, pa.string()),
        "instant": rows["instant"],
        **{ours: rows[theirs] for theirs, ours in names.items()},
    }


def _text(rows: pa.Table) -> pa.Array:
    """Each row as it arrived, its fields one after the other, for the quarantine."""
    parts = []
    for name in rows.schema.names:
        if name != "instant":
            column = rows[name]
            text = pc.binary_join(column, " ") if pa.types.is_list(column.type) else column.cast(pa.string())
            parts.append(pc.coalesce(pc.binary_join_element_wise(name, text, "="), ""))
    return pc.utf8_rtrim(pc.binary_join_element_wise(*parts, " "), " ")
