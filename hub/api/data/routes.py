"""``/v1/instruments``, ``/v1/bars``, ``/v1/news``, ``/v1/coverage``: what `ap.*` answers, over HTTP."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import pyarrow as pa
from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import JSONResponse, Response
from pydantic import StringConstraints

import alphapulse_lib as ap
from hub.api.identity import Caller, needs
from hub.api.pages import Cursor, Page, after, cursor_of
from hub.api.problems import ProblemError, answers

__all__ = ["router"]

ARROW = "application/vnd.apache.arrow.stream"

router = APIRouter(prefix="/v1", tags=["catalog"], responses=answers(401, 403, 404, 422, 503))

Reader = Annotated[Caller, Depends(needs("custom:catalog:read"))]
_TEXT = r"^[^\x00-\x1f]+$"
_Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_TEXT)]
_SYMBOLS = Query(max_length=100, description="Tickers or ids; more than one by repeating it.")
Symbol = Annotated[str, Query(min_length=1, max_length=64, pattern=_TEXT, description="A ticker or an id.")]
Period = Annotated[str, Query(max_length=16, pattern=_TEXT, description="Such as `1d` or `1m`.")]
Day = Annotated[
    str | None,
    Query(max_length=40, pattern=_TEXT, description="A day or a moment, such as `2010-01-04` or `2010-01-04T15:30Z`."),
]
Accept = Annotated[str, Header(description=f"`application/json`, or `{ARROW}` for Arrow.")]
Rows = Annotated[int, Query(ge=1, le=10_000, description="At most so many rows of JSON. Arrow comes whole.")]

_TABLE: dict[int | str, dict[str, Any]] = {
    200: {"content": {ARROW: {"schema": {"type": "string", "format": "binary"}}}, "description": "JSON or Arrow."}
}


@router.get("/instruments", response_model=Page[dict[str, Any]], responses=_TABLE)
def instruments(_: Reader, accept: Accept = "application/json", limit: Rows = 1000, cursor: Cursor = "") -> Response:
    """What the catalog holds, one row an instrument."""
    return _table(pa.Table.from_pandas(ap.instruments(), preserve_index=False), accept, limit, cursor)


@router.get("/bars", response_model=Page[dict[str, Any]], responses=_TABLE)
def bars(
    _: Reader,
    symbol: Annotated[list[_Name], _SYMBOLS],
    period: Period = "1d",
    start: Day = None,
    end: Day = None,
    adjust: Annotated[Literal["none", "splits", "total"], Query()] = "splits",
    as_of: Day = None,
    accept: Accept = "application/json",
    limit: Rows = 1000,
    cursor: Cursor = "",
) -> Response:
    """Bars, sorted by time and symbol; as they were known at `as_of`."""
    table = ap.bars(symbol, period, start, end, adjust=adjust, as_of=as_of, frame="arrow")
    return _table(table, accept, limit, cursor)


@router.get("/news", response_model=Page[dict[str, Any]], responses=_TABLE)
def news(
    _: Reader,
    symbol: Annotated[list[_Name] | None, _SYMBOLS] = None,
    start: Day = None,
    end: Day = None,
    as_of: Day = None,
    accept: Accept = "application/json",
    limit: Rows = 1000,
    cursor: Cursor = "",
) -> Response:
    """Articles with the scores of their headlines; as they could be read at `as_of`."""
    return _table(ap.news(symbol, start, end, as_of=as_of, frame="arrow"), accept, limit, cursor)


@router.get("/coverage")
def coverage(_: Reader, symbol: Symbol, period: Period = "1d", start: Day = None, end: Day = None) -> dict[str, Any]:
    """What is held of a series, and which sessions are missing against its exchange's calendar."""
    found = ap.coverage(symbol, period, start, end)
    return {
        "symbol": symbol,
        "period": period,
        "complete": bool(found.complete),
        "missing_sessions": int(found.missing_sessions),
        "intervals": _rows(pa.Table.from_pandas(found.intervals, preserve_index=False)),
        "gaps": _rows(pa.Table.from_pandas(found.gaps, preserve_index=False)),
    }


def _table(table: pa.Table, accept: str, limit: int, cursor: str) -> Response:
    if ARROW in accept:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        return Response(sink.getvalue().to_pybytes(), media_type=ARROW)
    start = after(cursor) or 0
    if start > table.num_rows:
        raise ProblemError(422, f"cursor={cursor!r} lies beyond the last row.", "Take `next` of the page before.")
    more = cursor_of(start + limit) if start + limit < table.num_rows else None
    return JSONResponse({"items": _rows(table.slice(start, limit)), "next": more})


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    """Rows that JSON can hold: times as ISO 8601 in UTC, numbers that are none as null."""
    columns = []
    for name in table.column_names:
        column = table[name]
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
            values = [None if each is None else each.isoformat() for each in column.to_pylist()]
        else:
            values = [None if isinstance(v, float) and not math.isfinite(v) else _plain(v) for v in column.to_pylist()]
        columns.append(values)
    return [dict(zip(table.column_names, row, strict=True)) for row in zip(*columns, strict=True)]


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
