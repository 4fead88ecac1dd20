"""Anybody's files: CSV (also gzipped) and Parquet of bars, corporate actions and articles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from alphapulse_lib.errors import InputError, MissingColumn, UnreadableFile, did_you_mean
from alphapulse_lib.model.instrument import VENUES, venue
from alphapulse_lib.providers.columns import assign
from alphapulse_lib.providers.contract import Batch, Request
from alphapulse_lib.providers.delimited import Grid, distinct, read_delimited
from alphapulse_lib.providers.moments import Moments, known_zone, read_moments
from alphapulse_lib.providers.numbers import has_decimal_comma, read_numbers, read_ratios
from alphapulse_lib.providers.spans import spans
from alphapulse_lib.providers.text import as_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FilesProvider"]

_ENDINGS = (".csv", ".csv.gz", ".txt", ".txt.gz", ".tsv", ".tsv.gz", ".parquet", ".pq")
_PRICES = ("open", "high", "low", "close")
#: What files call exchanges, besides the venues' own codes.
_EXCHANGES = {
    "NASDAQ": "XNAS", "NASD": "XNAS", "NYSE": "XNYS", "ARCA": "ARCX", "NYSEARCA": "ARCX", "NYSE ARCA": "ARCX",
    "LSE": "XLON", "XETRA": "XETR", "TSE": "XTKS", "CME": "XCME",
}  # fmt: skip
_DAY = 86_400_000_000_000
#: What files call the kinds of actions, as patterns.
_ACTIONS = {
    "spin.?off": "spin_off", "(rename|(name|symbol|ticker).?change)": "rename", "delist": "delisting",
    "split": "split", "dividend": "dividend",
}  # fmt: skip


class FilesProvider:
    """Reads a file, a folder, a glob or a list of them; several files without a symbol column are named by symbol.

    Examples
    --------
    >>> FilesProvider().name
    'files'
    """

    name = "files"
    kinds = frozenset({"bars", "actions", "articles", "instruments", "universe"})

    def read(self, request: Request) -> Iterator[Batch]:
        """One batch a file, in the order of their names.

        Raises
        ------
        UnreadableFile
            A file is missing, empty, or not what its name claims.
        MissingColumn
            A needed column was not found in a file.
        IngestError
            Stamps that cannot be read safely.
        """
        makers = {"bars": _bars, "actions": _actions, "articles": _articles, "instruments": _spans, "universe": _spans}
        make = makers[request.kind]
        paths = _paths(request.target)
        for path in paths:
            grid = _read(path)
            if not grid.rows.num_rows and not len(grid.torn_lines):
                raise UnreadableFile(f"{path.name} has a header and no rows.", "Nothing was imported.")
            found = assign(grid.rows.column_names, request.kind, request.columns, path.name)
            if request.symbol and "symbol" in found:
                grid = _of_symbol(grid, found, request.symbol, path.name)
            table, notes = make(grid, found, request, path if len(paths) > 1 else None)
            yield _batch(path, grid, table, (*grid.notes, *notes))


def _paths(target: object) -> list[Path]:
    if isinstance(target, list | tuple | set):
        return [path for each in target for path in _paths(each)]
    if not isinstance(target, str | Path) or not str(target):
        raise InputError(
            f"Not a path: {str(target)[:60]!r}.", "Give a file, a folder, a pattern such as 'bars/*.csv', or a list."
        )
    path = Path(target).expanduser()
    if path.is_dir():
        found = sorted(each for each in path.rglob("*") if each.is_file() and each.name.lower().endswith(_ENDINGS))
        if not found:
            raise UnreadableFile(f"{path} holds no data files.", f"Looked for {', '.join(_ENDINGS)}.")
        return found
    if path.exists():
        return [path]
    if any(sign in path.name for sign in "*?["):
        found = sorted(each for each in path.parent.glob(path.name) if each.is_file())
        if found:
            return found
        raise UnreadableFile(f"No file is matched by {path}.")
    beside = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    where = f"in {path.parent.resolve()}" if beside else f"and no folder {path.parent}"
    raise UnreadableFile(f"There is no file {path.name} {where}.", did_you_mean(path.name, beside))


def _read(path: Path) -> Grid:
    try:
        if path.suffix.lower() not in (".parquet", ".pq"):
            return read_delimited(path)
        rows = pq.read_table(path)
    except pa.ArrowInvalid:
        raise UnreadableFile(f"{path.name} is not a Parquet file, or is torn.", "Rename it if it is CSV.") from None
    except PermissionError:
        raise UnreadableFile(f"{path.name} may not be read by you.", "Ask for permission to read it.") from None
    rows = rows.rename_columns(distinct([str(name) for name in rows.column_names]))
    return Grid(rows, np.arange(1, rows.num_rows + 1), np.empty(0, np.int64), [])


def _of_symbol(grid: Grid, found: dict[str, str], symbol: str, where: str) -> Grid:
    """The rows of one symbol, of a file that holds several; all rows of a file that holds one."""
    names = pc.utf8_upper(pc.utf8_trim_whitespace(pc.coalesce(_strings(grid, found, "symbol"), "")))
    held = pc.unique(names).to_pylist()
    if len(held) <= 1:
        return grid
    wanted = symbol.strip().upper()
    plain, _, suffix = wanted.rpartition(".")
    chosen = np.asarray(pc.equal(names, plain if suffix in VENUES and wanted not in held else wanted))
    if not chosen.any():
        raise InputError(f"{where} has no rows of {symbol!r}.", did_you_mean(symbol, held))
    note = f"rows of other symbols left out: {int((~chosen).sum()):,}"
    rows = grid.rows.filter(pa.array(chosen))
    return Grid(rows, grid.lines[chosen], grid.torn_lines, grid.torn_texts, (*grid.notes, note))


def _bars(
    grid: Grid, found: dict[str, str], request: Request, named: Path | None
) -> tuple[dict[str, pa.Array], list[str]]:
    symbols, venues = _symbols(grid, found, request, named), _venues(grid, found, request)
    zone = _zone(request, venues)
    moments = _moments(grid, found, "ts", request, zone)
    notes, reason = list(moments.notes), moments.reason
    columns: dict[str, pa.Array] = {"symbol": symbols, "venue": venues, "name": _strings(grid, found, "name")}
    comma = any(has_decimal_comma(grid.rows[found[name]]) for name in _PRICES if name in found)
    for name in (*_PRICES, "volume"):
        if name in found:
            values, why = read_numbers(grid.rows[found[name]], name, comma=comma)
            reason = np.where(reason == "", why, reason)
        else:
            values = np.zeros(grid.rows.num_rows)
            notes.append("no volume column: volume is 0")
        columns[name] = pa.array(values)
    adjusted = None
    if "adj_close" in found:
        adjusted = read_numbers(grid.rows[found["adj_close"]], "adj_close", comma=comma)[0]
    columns["adj_close"] = pa.nulls(grid.rows.num_rows, pa.float64()) if adjusted is None else pa.array(adjusted)
    columns["instant"], columns["wall"] = pa.array(moments.instant), pa.array(moments.wall)
    columns["bare"] = pa.array(moments.bare)
    columns["available_at"] = _available(grid, found, request, zone, notes)
    if moments.naive.any() and not moments.bare[moments.naive].all():
        notes.append(f"times without a zone were taken in {zone}")
    columns["reason"] = _named(reason, symbols)
    return columns, notes


def _actions(
    grid: Grid, found: dict[str, str], request: Request, named: Path | None
) -> tuple[dict[str, pa.Array], list[str]]:
    symbols, venues = _symbols(grid, found, request, named), _venues(grid, found, request)
    zone, notes = _zone(request, venues), list[str]()
    moments = _moments(grid, found, "ex_date", request, zone)
    count = grid.rows.num_rows
    ratio = read_ratios(grid.rows[found["ratio"]], "ratio")[0] if "ratio" in found else np.full(count, np.nan)
    amount = read_numbers(grid.rows[found["amount"]], "amount")[0] if "amount" in found else np.full(count, np.nan)
    if "kind" in found:
        kind = pc.utf8_lower(pc.utf8_trim_whitespace(pc.coalesce(_strings(grid, found, "kind"), "")))
    else:
        kind = pa.array(np.where(np.nan_to_num(amount) > 0, "dividend", "split"))
    for pattern, name in _ACTIONS.items():
        kind = pc.replace_substring_regex(kind, f"^.*{pattern}.*$", name)
    kinds = np.asarray(kind, object)
    known = f"kind is none of {', '.join(_ACTIONS.values())}"
    reason = np.where(np.isin(kinds, list(_ACTIONS.values())), moments.reason, known)
    reason[(kinds == "split") & ~(ratio > 0)] = "a split needs a ratio above 0"
    reason[(kinds == "dividend") & ~(amount > 0)] = "a dividend needs an amount above 0"
    told = [pc.utf8_upper(pc.utf8_trim_whitespace(_strings(grid, found, "new_symbol"))), _strings(grid, found, "part")]
    columns = {
        "symbol": symbols,
        "venue": venues,
        "kind": pa.array(kinds, pa.string()),
        "ex_date": pa.array(moments.wall // _DAY, pa.int64()).cast(pa.int32()).cast(pa.date32()),
        "ratio": pa.array(np.where(np.isin(kinds, ["dividend", "rename"]), np.nan, ratio)),
        "amount": pa.array(np.where(np.isin(kinds, ["split", "rename"]), np.nan, amount)),
        **dict(zip(("new_symbol", "part"), told, strict=True)),
        "available_at": _available(grid, found, request, zone, notes),
        "reason": _named(np.where(moments.reason == "", reason, moments.reason), symbols),
    }
    return columns, [*moments.notes, *notes]


def _articles(
    grid: Grid, found: dict[str, str], request: Request, named: Path | None
) -> tuple[dict[str, pa.Array], list[str]]:
    del named
    code = request.venue if isinstance(request.venue, str) else None
    zone = known_zone(request.timezone) if request.timezone else venue(code).timezone if code else None
    moments = _moments(grid, found, "published_at", request, zone)
    notes = list(moments.notes)
    texts = {
        name: pc.utf8_trim_whitespace(pc.coalesce(_strings(grid, found, name), ""))
        for name in ("id", "source", "headline", "body", "url", "symbols")
    }
    published = _placed(moments, zone, "published_at")
    if moments.bare.any():
        notes.append(f"published_at: bare dates are available at the end of their day in {zone}")
    available = _available(grid, found, request, zone, notes)
    reason = np.where(np.asarray(pc.equal(texts["headline"], "")), "no headline", moments.reason)
    columns = {**texts, "published_at": pa.array(published)}
    columns["available_at"] = pc.coalesce(available, columns["published_at"])
    columns["reason"] = _or_null(reason)
    return columns, notes


def _spans(
    grid: Grid, found: dict[str, str], request: Request, named: Path | None
) -> tuple[dict[str, pa.Array], list[str]]:
    del named
    return spans(grid, found, request)


def _moments(grid: Grid, found: dict[str, str], name: str, request: Request, zone: str | None) -> Moments:
    column = grid.rows[found[name]]
    if "clock" in found:
        column = pc.binary_join_element_wise(_strings(grid, found, name), _strings(grid, found, "clock"), " ")
    return read_moments(column, what=found[name] or "(nameless)", timezone=zone, day_first=request.day_first)


def _available(
    grid: Grid, found: dict[str, str], request: Request, zone: str | None, notes: list[str]
) -> pa.ChunkedArray | pa.Array:
    """``available_at`` where the file has it: nanoseconds, null elsewhere; of a bare date the end of that day."""
    if "available_at" not in found:
        return pa.nulls(grid.rows.num_rows, pa.int64())
    moments = _moments(grid, {"available_at": found["available_at"]}, "available_at", request, zone)
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


def _symbols(grid: Grid, found: dict[str, str], request: Request, named: Path | None) -> pa.Array:
    if request.symbol is None and "symbol" in found:
        return pc.utf8_upper(pc.utf8_trim_whitespace(pc.coalesce(_strings(grid, found, "symbol"), "")))
    symbol = request.symbol or (named and named.name.split(".")[0])
    if not symbol:
        raise MissingColumn(
            f"The file has no column of symbols: it has {', '.join(grid.rows.column_names[:20])}.",
            "Say whose rows these are: symbol='AAPL'. Or name the column: columns={'symbol': ...}.",
        )
    return pa.array([symbol.strip().upper()] * grid.rows.num_rows, pa.string())


def _venues(grid: Grid, found: dict[str, str], request: Request) -> pa.Array:
    """The venue of each row as the file or the request says; null where neither does."""
    count = grid.rows.num_rows
    if isinstance(request.venue, str):
        return pa.array([venue(request.venue).code] * count, pa.string())
    if "venue" in found:
        codes = pc.utf8_upper(pc.utf8_trim_whitespace(_strings(grid, found, "venue")))
        known = pc.unique(codes).to_pylist()
        meant = [code and venue(_EXCHANGES.get(code, code)).code for code in known]
        return pc.take(pa.array(meant, pa.string()), pc.index_in(codes, pa.array(known, pa.string())))
    return pa.nulls(count, pa.string())


def _strings(grid: Grid, found: dict[str, str], name: str) -> pa.Array:
    if name not in found:
        return pa.nulls(grid.rows.num_rows, pa.string())
    return as_text(grid.rows[found[name]]).combine_chunks()


def _named(reason: NDArray[np.object_], symbols: pa.Array) -> pa.Array:
    """The reasons, with those of rows that name no instrument."""
    unnamed = np.asarray(pc.invert(pc.match_substring_regex(symbols, r"^[A-Z0-9][A-Z0-9.&_^=-]*$")))
    reason = np.where(unnamed & (reason == ""), "symbol is missing or cannot name an instrument", reason)
    return _or_null(reason)


def _batch(path: Path, grid: Grid, columns: dict[str, pa.Array], notes: tuple[str, ...]) -> Batch:
    """Whole rows and torn ones together, each with its line."""
    raw = pa.table({f"c{at}": as_text(column) for at, column in enumerate(grid.rows.columns)})
    texts = pc.binary_join_element_wise(*raw.columns, ",", null_handling="replace")
    blank = pc.match_substring_regex(texts, r"^[,\s]*$")
    columns["reason"] = pc.if_else(blank, "blank row", columns["reason"])
    table = pa.table({"line": pa.array(grid.lines, pa.int64()), **columns})
    if len(grid.torn_lines):
        torn = {"line": pa.array(grid.torn_lines, pa.int64())}
        torn["reason"] = pa.array([f"has not the {grid.rows.num_columns} fields of the header"] * len(grid.torn_lines))
        table = pa.concat_tables([table, pa.table(torn)], promote_options="default")
        texts = pa.chunked_array([*texts.chunks, pa.array(grid.torn_texts, pa.string())])
    return Batch(path.name, table, pa.table({"row": texts}), notes)


def _or_null(reason: NDArray[np.object_]) -> pa.Array:
    return pa.array(reason, pa.string(), mask=reason == "")
