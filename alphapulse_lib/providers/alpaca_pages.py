"""Alpaca's pages: streamed one by one, each looked at for what pages get wrong, and made columns of.

Pages go over the tickers in their order, and for each over time. A page that does not follow the one before, repeats a
token, is cut short or speaks of other tickers is asked for again, and refused with `BadAnswer` when it stays so: so no
row is handed over twice, and none is passed over unseen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from alphapulse_lib.errors import BadAnswer
from alphapulse_lib.providers.alpaca_calls import ATTEMPTS, Calls

__all__ = ["ROWS", "Page", "pages"]

#: The most rows that Alpaca puts on a page.
ROWS = 10_000

_FIELDS: dict[str, pa.DataType] = {
    "bars": pa.struct({"t": pa.string(), **{name: pa.float64() for name in "ohlcv"}}),
    "trades": pa.struct(
        {"t": pa.string(), "p": pa.float64(), "s": pa.float64(), "i": pa.int64(), "x": pa.string(),
         "c": pa.list_(pa.string()), "tks": pa.string(), "u": pa.string()}
    ),
    "quotes": pa.struct({"t": pa.string(), **{name: pa.float64() for name in ("bp", "ap", "bs", "as")}}),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its rows as Alpaca names their fields, after ``symbol`` and ``instant``, the nanoseconds of ``t``."""

    rows: pa.Table
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """The last row that was handed over."""

    symbol: str = ""
    instant: int = 0


class _Crooked(Exception):
    """What is wrong with a page."""


def pages(
    calls: Calls, service: str, path: str, kind: str, symbols: Sequence[str], params: Mapping[str, Any]
) -> Iterator[Page]:
    """The pages of an answer.

    Parameters
    ----------
    kind : {"bars", "trades", "quotes"}
        What the rows are: the name they stand under.
    params : mapping
        The request's fields but for ``limit`` and ``page_token``.

    Raises
    ------
    ProviderError
        Alpaca did not answer, refused, or its answer stays crooked.
    """
    token: str | None = None
    place, seen = _Place(), set[str]()
    while True:
        asked = {**params, "limit": ROWS} | ({"page_token": token} if token else {})
        page, following = _straight(calls, service, path, kind, symbols, asked, place, seen)
        if page.rows.num_rows:
            place = _Place(page.rows["symbol"][-1].as_py(), page.rows["instant"][-1].as_py())
            yield page
        if following is None:
            return
        seen.add(following)
        token = following


def _straight(
    calls: Calls,
    service: str,
    path: str,
    kind: str,
    symbols: Sequence[str],
    asked: Mapping[str, Any],
    place: _Place,
    seen: set[str],
) -> tuple[Page, str | None]:
    """A page that follows the last row handed over, and the token of the next."""
    wrong = ""
    for attempt in range(ATTEMPTS):
        try:
            page, following = _parsed(calls.get(service, path, asked), kind, symbols)
            if following in seen:
                raise _Crooked(f"its token {following!r} was given before")
            _refuse_disorder(page, place, is_strict=kind == "bars")
        except _Crooked as crooked:
            wrong = str(crooked)
            calls.wait(attempt)
            continue
        return page, following
    after = f" after {place.symbol}'s rows up to {_text(place.instant)}" if place.symbol else ""
    raise BadAnswer(
        f"Alpaca's page of {kind}{after} cannot be used: {wrong}. It was asked for {ATTEMPTS} times.",
        "What was fetched before is kept: ask again later, it goes on from there.",
    )


def _parsed(body: bytes, kind: str, symbols: Sequence[str]) -> tuple[Page, str | None]:
    expected = pa.schema({kind: pa.struct({symbol: pa.list_(_FIELDS[kind]) for symbol in sorted(symbols)})})
    try:
        table = pyarrow.json.read_json(
            BytesIO(body),
            pyarrow.json.ReadOptions(use_threads=False, block_size=max(len(body), 1) + 1),
            pyarrow.json.ParseOptions(explicit_schema=expected),
        )
    except pa.ArrowInvalid as broken:
        raise _Crooked(f"it is no JSON of the form that was published ({broken})") from None
    if f'"{kind}"'.encode() not in body:
        raise _Crooked(f"it holds no {kind!r}")
    if table.num_rows != 1 or "next_page_token" not in table.schema.names:
        raise _Crooked("it lacks 'next_page_token', so it is no whole page")
    held = table[kind].combine_chunks()
    parts, notes = [], []
    for index in range(held.type.num_fields):
        symbol = held.type.field(index).name
        rows = pc.list_flatten(pc.struct_field(held, [index]))
        if not len(rows):
            continue
        if symbol not in symbols:
            raise _Crooked(f"it speaks of {symbol}, which was not asked for")
        part = _columns(symbol, rows, kind)
        instants = part["instant"].to_numpy()
        if (instants[1:] < instants[:-1]).any():
            part = part.take(pc.sort_indices(part, [("instant", "ascending")]))
            notes.append(f"{symbol}: a page's rows arrived out of order and were sorted")
        parts.append(part)
    rows = pa.concat_tables(parts) if parts else pa.table({"symbol": pa.array([], pa.string())})
    return Page(rows, tuple(notes)), table["next_page_token"][0].as_py()


def _columns(symbol: str, rows: pa.StructArray, kind: str) -> pa.Table:
    columns = {field.name: pc.struct_field(rows, field.name) for field in _FIELDS[kind]}
    try:
        instant = columns["t"].cast(pa.timestamp("ns", "UTC")).cast(pa.int64())
    except pa.ArrowInvalid as broken:
        raise _Crooked(f"a stamp of {symbol} is no moment ({broken})") from None
    if instant.null_count:
        raise _Crooked(f"a row of {symbol} has no stamp")
    return pa.table({"symbol": pa.repeat(symbol, len(rows)), "instant": instant, **columns})


def _refuse_disorder(page: Page, place: _Place, *, is_strict: bool) -> None:
    if not page.rows.num_rows or not place.symbol:
        return
    first = page.rows["symbol"][0].as_py(), page.rows["instant"][0].as_py()
    last = place.symbol, place.instant
    if first < last or (is_strict and first == last):
        raise _Crooked(f"it begins with {first[0]} at {_text(first[1])}, which does not follow")


def _text(instant: int) -> str:
    return f"{pa.scalar(instant, pa.int64()).cast(pa.timestamp('ns', 'UTC'))}"
