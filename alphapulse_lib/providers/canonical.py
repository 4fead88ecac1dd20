"""A file's rows in the canonical form of each kind (`contract`), block by block of the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib.errors import IngestError, MissingColumn
from alphapulse_lib.model.instrument import SYMBOL, VENUES, venue
from alphapulse_lib.providers.moments import Moments, known_zone, read_moments
from alphapulse_lib.providers.numbers import has_decimal_comma, plain_numbers, read_numbers, read_ratios
from alphapulse_lib.providers.spans import spans
from alphapulse_lib.providers.text import as_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alphapulse_lib.providers.contract import Request
    from alphapulse_lib.providers.delimited import Grid

__all__ = ["EXCHANGES", "MAKERS", "Block", "Manner", "or_null", "strings"]

type Columns = dict[str, pa.Array | pa.ChunkedArray]

_PRICES = ("open", "high", "low", "close")
#: What files call exchanges, besides the venues' own codes.
EXCHANGES = {
    "NASDAQ": "XNAS", "NASD": "XNAS", "NYSE": "XNYS", "ARCA": "ARCX", "NYSEARCA": "ARCX", "NYSE ARCA": "ARCX",
    "LSE": "XLON", "XETRA": "XETR", "TSE": "XTKS", "CME": "XCME",
}  # fmt: skip
#: What files call the side of whoever took a trade's price.
_SIDES = {
    "BUY": "BUY", "BUYER": "BUY", "B": "BUY", "SELL": "SELL", "SELLER": "SELL", "S": "SELL", "": None,
    "NO_AGGRESSOR": "NO_AGGRESSOR", "NONE": "NO_AGGRESSOR", "UNKNOWN": "NO_AGGRESSOR",
}  # fmt: skip
#: What files call the kinds of actions, as patterns.
_ACTIONS = {
    "spin.?off": "spin_off", "(rename|(name|symbol|ticker).?change)": "rename", "delist": "delisting",
    "split": "split", "dividend": "dividend",
}  # fmt: skip
_DAY = 86_400_000_000_000


@dataclass(slots=True)
class Manner:
    """How a file writes its dates and numbers, as its blocks so far have told: later ones are read alike."""

    day_first: dict[str, bool | None] = field(default_factory=dict)
    dated: dict[str, bool | None] = field(default_factory=dict)
    comma: bool | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a file, and what is known of the whole.

    Attributes
    ----------
    found : dict of str to str
        Canonical name to the file's.
    fallback : str or None
        The symbol that the file's name tells, where several files are read.
    """

    grid: Grid
    found: dict[str, str]
    request: Request
    fallback: str | None
    manner: Manner

    @property
    def count(self) -> int:
        """How many rows it has."""
        return int(self.grid.rows.num_rows)

    def column(self, name: str) -> pa.ChunkedArray:
        """The file's column of a canonical name."""
        return self.grid.rows[self.found[name]]


def _bars(block: Block) -> tuple[Columns, list[str]]:
    columns, moments, zone, notes = _placed_rows(block)
    reason = moments.reason
    plain = {name: plain_numbers(block.column(name)) for name in (*_PRICES, "volume") if name in block.found}
    comma = _comma(block, [name for name in _PRICES if name in plain and plain[name] is None])
    for name in (*_PRICES, "volume"):
        values = None if comma else plain.get(name)
        if name not in block.found:
            values = np.zeros(block.count)
            notes.append("no volume column: volume is 0")
        elif values is None or np.isnan(values).any():
            values, why = read_numbers(block.column(name), name, comma=comma)
            reason = np.where(reason.astype(np.bool_), reason, why)
        columns[name] = pa.array(values)
    adjusted = None
    if "adj_close" in block.found:
        adjusted = read_numbers(block.column("adj_close"), "adj_close", comma=comma)[0]
    columns["adj_close"] = pa.nulls(block.count, pa.float64()) if adjusted is None else pa.array(adjusted)
    columns["wall"], columns["bare"] = pa.array(moments.wall), pa.array(moments.bare)
    columns["name"] = strings(block, "name")
    columns["available_at"] = _available(block, zone, notes)
    columns["reason"] = _named(reason, columns["symbol"])
    return columns, notes


def _ticks(block: Block, figures: tuple[str, ...]) -> tuple[Columns, list[str]]:
    columns, moments, zone, notes = _placed_rows(block)
    reason = np.where(moments.bare, "a date without a time", moments.reason)
    for name in figures:
        if name in block.found:
            values, why = read_numbers(block.column(name), name)
            reason = np.where(reason == "", why, reason)
        else:
            values = np.zeros(block.count)
            notes.append(f"no column of {name}: it is 0")
        columns[name] = pa.array(values)
    columns["available_at"] = _available(block, zone, notes)
    columns["reason"] = _named(reason, columns["symbol"])
    return columns, notes


def _trades(block: Block) -> tuple[Columns, list[str]]:
    columns, notes = _ticks(block, ("price", "size"))
    for name in ("trade_id", "conditions", "exchange"):
        text = pc.utf8_trim_whitespace(strings(block, name))
        columns[name] = pc.if_else(pc.equal(text, ""), None, text)
    said = pc.utf8_upper(pc.utf8_trim_whitespace(pc.coalesce(strings(block, "side"), "")))
    at = pc.index_in(said, pa.array(_SIDES, pa.string()))
    columns["side"] = pc.take(pa.array(_SIDES.values(), pa.string()), at)
    strange = pc.and_(pc.is_null(at), pc.is_null(columns["reason"]))
    told = pc.binary_join_element_wise("side ", said, " is neither buy nor sell", "")
    columns["reason"] = pc.if_else(strange, told, columns["reason"])
    return columns, notes


def _quotes(block: Block) -> tuple[Columns, list[str]]:
    return _ticks(block, ("bid", "ask", "bid_size", "ask_size"))


def _actions(block: Block) -> tuple[Columns, list[str]]:
    symbols, venues = _symbols(block), _venues(block)
    zone, notes = _zone(block.request, venues), list[str]()
    moments = _moments(block, "ex_date", zone)
    none = np.full(block.count, np.nan)
    ratio = read_ratios(block.column("ratio"), "ratio")[0] if "ratio" in block.found else none
    amount = read_numbers(block.column("amount"), "amount")[0] if "amount" in block.found else none
    if "kind" in block.found:
        kind = pc.utf8_lower(pc.utf8_trim_whitespace(pc.coalesce(strings(block, "kind"), "")))
    else:
        kind = pa.array(np.where(np.nan_to_num(amount) > 0, "dividend", "split"))
    for pattern, name in _ACTIONS.items():
        kind = pc.replace_substring_regex(kind, f"^.*{pattern}.*$", name)
    kinds = np.asarray(kind, object)
    known = f"kind is none of {', '.join(_ACTIONS.values())}"
    reason = np.where(np.isin(kinds, list(_ACTIONS.values())), moments.reason, known)
    reason[(kinds == "split") & ~(ratio > 0)] = "a split needs a ratio above 0"
    reason[(kinds == "dividend") & ~(amount > 0)] = "a dividend needs an amount above 0"
    columns: Columns = {
        "symbol": symbols,
        "venue": venues,
        "kind": pa.array(kinds, pa.string()),
        "ex_date": pa.array(moments.wall // _DAY, pa.int64()).cast(pa.int32()).cast(pa.date32()),
        "ratio": pa.array(np.where(np.isin(kinds, ["dividend", "rename"]), np.nan, ratio)),
        "amount": pa.array(np.where(np.isin(kinds, ["split", "rename"]), np.nan, amount)),
        "new_symbol": pc.utf8_upper(pc.utf8_trim_whitespace(strings(block, "new_symbol"))),
        "part": strings(block, "part"),
        "available_at": _available(block, zone, notes),
        "reason": _named(np.where(moments.reason == "", reason, moments.reason), symbols),
    }
    return columns, [*moments.notes, *notes]


def _articles(block: Block) -> tuple[Columns, list[str]]:
    request = block.request
    code = request.venue if isinstance(request.venue, str) else None
    zone = known_zone(request.timezone) if request.timezone else venue(code).timezone if code else None
    moments = _moments(block, "published_at", zone)
    notes = list(moments.notes)
    texts = {
        name: pc.utf8_trim_whitespace(pc.coalesce(strings(block, name), ""))
        for name in ("id", "source", "headline", "body", "url", "symbols")
    }
    published = _placed(moments, zone, "published_at")
    if moments.bare.any():
        notes.append(f"published_at: bare dates are available at the end of their day in {zone}")
    available = _available(block, zone, notes)
    reason = np.where(np.asarray(pc.equal(texts["headline"], "")), "no headline", moments.reason)
    columns = {**texts, "published_at": pa.array(published)}
    columns["available_at"] = pc.coalesce(available, columns["published_at"])
    columns["reason"] = or_null(reason)
    return columns, notes


def _spans(block: Block) -> tuple[Columns, list[str]]:
    return spans(block.grid, block.found, block.request)


#: By kind: what makes canonical columns of a block, and what was decided in it.
MAKERS: dict[str, Callable[[Block], tuple[Columns, list[str]]]] = {
    "bars": _bars,
    "trades": _trades,
    "quotes": _quotes,
    "actions": _actions,
    "articles": _articles,
    "instruments": _spans,
    "universe": _spans,
}


def strings(block: Block, name: str) -> pa.Array:
    """A column as text; nulls where the file has none."""
    if name not in block.found:
        return pa.nulls(block.count, pa.string())
    return as_text(block.column(name)).combine_chunks()


def or_null(reason: NDArray[np.object_]) -> pa.Array:
    """Reasons, null where there is none."""
    told = reason.astype(np.bool_)
    return pa.array(reason, pa.string(), mask=~told) if told.any() else pa.nulls(len(reason), pa.string())


def _placed_rows(block: Block) -> tuple[Columns, Moments, str | None, list[str]]:
    """Whose each row is and when it was; the stamps as they were read, their zone, and what was decided."""
    symbols, venues = _symbols(block), _venues(block)
    zone = _zone(block.request, venues)
    moments = _moments(block, "ts", zone)
    notes = list(moments.notes)
    if moments.naive.any() and not moments.bare[moments.naive].all():
        notes.append(f"times without a zone were taken in {zone}")
    return {"symbol": symbols, "venue": venues, "instant": pa.array(moments.instant)}, moments, zone, notes


def _comma(block: Block, strange: Sequence[str]) -> bool:
    """Whether the file's prices have a decimal comma: one of those that are ``strange``, no plain numbers.

    Raises
    ------
    IngestError
        They have one here and had none in the blocks before.
    """
    here = any(has_decimal_comma(block.column(name)) for name in strange)
    manner = block.manner
    if here and manner.comma is False:
        raise IngestError(
            "The file writes decimal points at first, and decimal commas later on.", "Write all numbers one way."
        )
    manner.comma = here or bool(manner.comma)
    return manner.comma


def _moments(block: Block, name: str, zone: str | None) -> Moments:
    column = block.column(name)
    if "clock" in block.found and name != "available_at":
        column = pc.binary_join_element_wise(strings(block, name), strings(block, "clock"), " ")
    manner = block.manner
    asked = block.request.day_first
    moments = read_moments(
        column,
        what=block.found[name] or "(nameless)",
        timezone=zone,
        day_first=manner.day_first.get(name) if asked is None else asked,
        dated=manner.dated.get(name),
    )
    for kept, told in ((manner.day_first, moments.day_first), (manner.dated, moments.dated)):
        if told is not None:
            kept[name] = told
    return moments


def _available(block: Block, zone: str | None, notes: list[str]) -> pa.ChunkedArray | pa.Array:
    """``available_at`` where the file has it: nanoseconds, null elsewhere; of a bare date the end of that day."""
    if "available_at" not in block.found:
        return pa.nulls(block.count, pa.int64())
    moments = _moments(block, "available_at", zone)
    if moments.bare.any():
        notes.append(f"available_at: bare dates mean the end of that day in {zone}")
    return pa.array(_placed(moments, zone, "available_at"), mask=moments.reason != "")


def _placed(moments: Moments, zone: str | None, what: str) -> NDArray[np.int64]:
    """The instants; of bare dates the last nanosecond of the day in the zone: none could be known for sure earlier."""
    if not moments.bare.any():
        return moments.instant
    ends = pa.chunked_array([pa.array(moments.wall + _DAY).cast(pa.timestamp("ns")).cast(pa.string())])
    placed = read_moments(pc.replace_substring_regex(ends, r"\.0+$", ".000000001"), what=what, timezone=zone).instant
    return np.where(moments.bare, placed - 2, moments.instant)


def _zone(request: Request, venues: pa.Array) -> str | None:
    """The zone of stamps that name none: as asked, else that of the venues where they share one."""
    if request.timezone:
        return known_zone(request.timezone)
    zones = {VENUES[code].timezone for code in pc.unique(venues).to_pylist() if code in VENUES}
    return zones.pop() if len(zones) == 1 else None


def _symbols(block: Block) -> pa.Array:
    if block.request.symbol is None and "symbol" in block.found:
        return pc.utf8_upper(pc.utf8_trim_whitespace(pc.coalesce(strings(block, "symbol"), "")))
    symbol = block.request.symbol or block.fallback
    if not symbol:
        raise MissingColumn(
            f"The file has no column of symbols: it has {', '.join(block.grid.rows.column_names[:20])}.",
            "Say whose rows these are: symbol='AAPL'. Or name the column: columns={'symbol': ...}.",
        )
    return pa.repeat(symbol.strip().upper(), block.count)


def _venues(block: Block) -> pa.Array:
    """The venue of each row as the file or the request says; null where neither does."""
    if isinstance(block.request.venue, str):
        return pa.repeat(venue(block.request.venue).code, block.count)
    if "venue" in block.found:
        codes = pc.utf8_upper(pc.utf8_trim_whitespace(strings(block, "venue")))
        known = pc.unique(codes).to_pylist()
        meant = [code and venue(EXCHANGES.get(code, code)).code for code in known]
        return pc.take(pa.array(meant, pa.string()), pc.index_in(codes, pa.array(known, pa.string())))
    return pa.nulls(block.count, pa.string())


@lru_cache(maxsize=4096)
def _is_name(symbol: str) -> bool:
    """Whether a symbol can name an instrument."""
    return re.fullmatch(SYMBOL, symbol) is not None


def _named(reason: NDArray[np.object_], symbols: pa.Array) -> pa.Array:
    """The reasons, with those of rows that name no instrument."""
    each = pc.dictionary_encode(symbols)  # of which most files have few
    naming = pa.array([_is_name(name) for name in each.dictionary.to_pylist()], pa.bool_())
    if not pc.all(naming).as_py():
        shown = pc.utf8_slice_codeunits(symbols, 0, 60)
        told = pc.binary_join_element_wise("symbol", shown, "cannot name an instrument", " ")
        told = pc.if_else(pc.equal(symbols, ""), "symbol is missing", told)
        unnamed = ~np.asarray(pc.take(naming, each.indices))
        reason = np.where(unnamed & (reason == ""), np.asarray(told, object), reason)
    return or_null(reason)
