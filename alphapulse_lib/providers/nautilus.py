"""Catalogs of NautilusTrader 1.x, read without it, to be migrated: instruments, bars of last prices, trades, quotes.

Its Parquet holds figures as whole numbers: of 16 decimals in 16 bytes (high precision, the default on Linux and macOS),
or of 9 decimals in 8 bytes. What a file is of stands in its schema's metadata. NautilusTrader 2 writes decimals: its
catalogs need no migration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from alphapulse_lib.errors import InputError, UnreadableFile, did_you_mean
from alphapulse_lib.model.instrument import VENUES
from alphapulse_lib.model.period import Period
from alphapulse_lib.providers.canonical import EXCHANGES
from alphapulse_lib.providers.contract import Batch, Request, Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NautilusProvider", "is_catalog"]

#: Canonical kind to the folder it lies in, and canonical name to the file's.
_FOLDERS = {"bars": "bar", "trades": "trade_tick", "quotes": "quote_tick"}
_FIGURES = {
    "bars": {name: name for name in ("open", "high", "low", "close", "volume")},
    "trades": {"price": "price", "size": "size"},
    "quotes": {"bid": "bid_price", "ask": "ask_price", "bid_size": "bid_size", "ask_size": "ask_size"},
}
_SIDES = pa.array(["NO_AGGRESSOR", "BUY", "SELL"])
#: Folders of instruments, and what class their instruments are of here.
_CLASSES = {
    "equity": "equity", "currency_pair": "fx", "crypto_perpetual": "crypto", "crypto_future": "crypto",
    "futures_contract": "future", "option_contract": "option", "cfd": "cfd", "commodity": "commodity",
    "index_instrument": "index", "perpetual_contract": "crypto",
}  # fmt: skip
_ROWS = 1 << 16


class NautilusProvider:
    """Reads a catalog of NautilusTrader 1.x whole: every kind and period that it holds, as one import.

    Examples
    --------
    >>> NautilusProvider().name
    'nautilus'
    """

    name = "nautilus"
    kinds = frozenset({"instruments", *_FOLDERS})

    def requests(self, request: Request) -> list[Request]:
        """One for the instruments, and one for each kind and period that the catalog holds.

        Bars' stamps are closes unless told otherwise: as NautilusTrader's own loaders leave them.

        Raises
        ------
        UnreadableFile, InputError
            There is no such folder, or it is no catalog of NautilusTrader 1.x.
        """
        data = _data(request.target)
        asked = replace(request, stamps=request.stamps or "close")
        periods = sorted({Period.of_bar_type(each) for each in _bar_types(data)})
        made = [replace(asked, kind="instruments", stamps=None)]
        made += [replace(asked, kind="bars", period=str(each)) for each in periods]
        made += [replace(asked, kind=kind) for kind in ("trades", "quotes") if any(_of_kind(data, kind))]
        return made

    def sources(self, request: Request) -> list[Source]:
        """The files that would be read."""
        paths = _files(_data(request.target), request)
        return [Source(_called(each), _opened(each).metadata.num_rows, each.stat().st_size) for each in paths]

    def read(self, request: Request) -> Iterator[Batch]:
        """The files of one kind, and of bars one period, in the order of their names.

        Raises
        ------
        UnreadableFile
            A file is damaged, or is not what NautilusTrader 1.x writes.
        InputError
            A venue is not known here: ``venue={"SIM": "IDEALPRO"}`` names it.
        """
        data = _data(request.target)
        if request.kind == "instruments":
            yield _instruments(data, request)
            return
        left = tuple(_left_out(data)) if request.kind == "bars" else ()
        for path in _files(data, request):
            yield from _rows(path, request, left)


def is_catalog(folder: Path) -> bool:
    """Whether a folder is a catalog of NautilusTrader 1.x, or its ``data``."""
    return any((folder / part / each).is_dir() for part in ("data", "") for each in _FOLDERS.values())


def _data(target: object) -> Path:
    if not isinstance(target, str | Path) or not str(target):
        raise InputError(
            f"Not a catalog's folder: {str(target)[:60]!r}.", "Name one: ap.ingest('nautilus', 'catalog')."
        )
    folder = Path(target).expanduser()
    if not folder.is_dir():
        beside = [each.name for each in folder.parent.iterdir()] if folder.parent.is_dir() else []
        raise UnreadableFile(f"There is no folder {folder}.", did_you_mean(folder.name, beside))
    if not is_catalog(folder):
        raise InputError(
            f"{folder} is no catalog of NautilusTrader 1.x.",
            "It has data/bar, data/trade_tick or data/quote_tick in it. One of NautilusTrader 2 (data/bars) is read in "
            "place: name it with ALPHAPULSE_CATALOG. Other files are of the provider files.",
        )
    return folder / "data" if (folder / "data").is_dir() else folder


def _bar_types(data: Path) -> list[str]:
    """The folders of bars that are migrated: of last prices, by time."""
    return [each.name for each in _of_kind(data, "bars") if _reason(each.name) == ""]


def _of_kind(data: Path, kind: str) -> list[Path]:
    folder = data / _FOLDERS[kind]
    return sorted(each for each in folder.iterdir() if each.is_dir()) if folder.is_dir() else []


def _reason(bar_type: str) -> str:
    """Why bars cannot be migrated; ``""`` where they can."""
    parts = bar_type.rsplit("-", 4)
    if len(parts) < 5 or not parts[1].isdigit():
        return "their name is no bar type"
    if parts[3] != "LAST":
        return f"they are of {parts[3].lower()} prices; the catalog holds bars of last prices"
    if parts[2] not in ("SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH"):
        return "they are not by time: ap.bars makes such bars of trades"
    return ""


def _left_out(data: Path) -> Iterator[str]:
    for each in _of_kind(data, "bars"):
        if why := _reason(each.name):
            yield f"{each.name} was left out: {why}"
    for row in (row for path in _instrument_files(data) for row in _own(path)):
        if Decimal(str(times := row.get("multiplier") or 1)) != 1:
            yield f"{row['id']} has a multiplier of {times}, which is not kept: one of it is worth its price here"


def _files(data: Path, request: Request) -> list[Path]:
    if request.kind == "instruments":
        return _instrument_files(data)
    folders = _of_kind(data, request.kind)
    if request.kind == "bars":
        wanted = Period.parse(request.period)
        folders = [each for each in folders if not _reason(each.name) and Period.of_bar_type(each.name) == wanted]
    return [path for folder in folders for path in sorted(folder.glob("*.parquet"))]


def _instrument_files(data: Path) -> list[Path]:
    return [path for name in _CLASSES for path in sorted((data / name).glob("*/*.parquet"))]


def _opened(path: Path) -> pq.ParquetFile:
    with _reading(path):
        return pq.ParquetFile(path, buffer_size=1 << 20)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Whatever is read of a file inside of this."""
    try:
        yield
    except (pa.ArrowInvalid, OSError) as refused:
        if isinstance(refused, OSError) and refused.errno is not None:  # the disk's, not of Parquet's pages
            raise
        raise UnreadableFile(f"{_called(path)} is not a Parquet file, or is torn.", "Restore it from a copy.") from None


def _batches(file: pq.ParquetFile, path: Path) -> Iterator[pa.RecordBatch]:
    with _reading(path):
        read = 0
        for batch in file.iter_batches(batch_size=_ROWS):
            read += batch.num_rows
            yield batch
        if read != file.metadata.num_rows:
            raise pa.ArrowInvalid(f"{read} rows")  # of a page that is not what its head says pyarrow may leave rows out


def _called(path: Path) -> str:
    return "/".join(path.parts[-3:])


def _told(file: pq.ParquetFile, path: Path) -> dict[str, str]:
    """What the schema's metadata say of a file."""
    told = {key.decode(): value.decode() for key, value in (file.schema_arrow.metadata or {}).items()}
    if "instrument_id" not in told:
        raise UnreadableFile(f"{_called(path)} does not say whose rows it holds.", "NautilusTrader 1.x writes that.")
    return told


def _instruments(data: Path, request: Request) -> Batch:
    """The instruments that have data, as their own files tell them, else as the data's files do."""
    known = {str(row["id"]): row for path in _files(data, request) for row in _own(path)}
    rows: list[dict[str, Any]] = []
    for path in (each for kind in _FOLDERS for folder in _of_kind(data, kind) for each in folder.glob("*.parquet")):
        told = _told(_opened(path), path)
        precision = {name: int(told[name]) for name in ("price_precision", "size_precision")}
        rows.append(known.get(told["instrument_id"], {"id": told["instrument_id"], **precision}))
    every = {row["id"]: row for row in rows}
    columns: dict[str, list[Any]] = {name: [] for name in _INSTRUMENT.names}
    for line, (name, row) in enumerate(sorted(every.items()), 1):
        ticker, code = _placed(name, request)
        made = {"line": line, "id": f"{ticker}.{code}", "ticker": ticker, "venue": code, "name": ""} | {
            each: row.get(each) for each in ("currency", "asset_class", "price_precision", "size_precision")
        }
        for each, values in columns.items():
            values.append(made.get(each))
    size = sum(path.stat().st_size for path in _files(data, request))
    return Batch("instruments", pa.table(columns, _INSTRUMENT), pa.table({"row": sorted(every)}), (), size)


_INSTRUMENT = pa.schema(
    [
        ("line", pa.int64()),
        *((name, pa.string()) for name in ("id", "ticker", "venue", "name")),
        *((name, pa.date32()) for name in ("start", "end")),
        *((name, pa.string()) for name in ("currency", "asset_class")),
        *((name, pa.int64()) for name in ("price_precision", "size_precision")),
        ("reason", pa.string()),
    ]
)


def _own(path: Path) -> Iterator[dict[str, Any]]:
    """What an instrument's own file says."""
    with _reading(path):
        rows = pq.ParquetFile(path).read().to_pylist()
    for row in rows:
        money = row.get("quote_currency") or row.get("currency")
        shares = {"size_precision": row.get("size_precision", 0), "currency": money}
        yield {**row, **shares, "asset_class": _CLASSES[path.parts[-3]]}


def _placed(instrument_id: str, request: Request) -> tuple[str, str]:
    """Ticker and venue here of NautilusTrader's id.

    Raises
    ------
    InputError
        The venue is not known.
    """
    ticker, _, code = instrument_id.upper().rpartition(".")
    said = request.venue
    if isinstance(said, str):
        return ticker, said.upper()
    chosen = (said.get(ticker) or said.get(code)) if isinstance(said, Mapping) else None
    meant = chosen or (code if code in VENUES else EXCHANGES.get(code, ""))
    if meant.upper() not in VENUES:
        raise InputError(
            f"{instrument_id} trades at {meant or code!r}, which is no venue known here.",
            f"Say which it is: venue={{{code!r}: 'XNAS'}}, or of all: venue='XNAS' (--venue). "
            f"Known venues: {', '.join(VENUES)}.",
        )
    return ticker, meant.upper()


def _rows(path: Path, request: Request, notes: tuple[str, ...]) -> Iterator[Batch]:
    """A file's rows, some tens of thousands at a time."""
    file = _opened(path)
    told = _told(file, path)
    ticker, code = _placed(told["instrument_id"], request)
    total, read, size = max(1, file.metadata.num_rows), 0, path.stat().st_size
    for batch in _batches(file, path):
        figures = _figures(batch, request.kind, told, path)
        stamps = batch["ts_event"].cast(pa.int64())
        count = batch.num_rows
        columns: dict[str, pa.Array] = {
            "line": pa.array(np.arange(read + 1, read + count + 1)),
            "symbol": pa.array([ticker] * count, pa.string()),
            "venue": pa.array([code] * count, pa.string()),
            "instant": stamps,
            **{name: pa.array(values) for name, values in figures.items()},
            **_further(batch, request.kind, stamps),
            "available_at": pa.nulls(count, pa.int64()),
            "reason": pa.nulls(count, pa.string()),
        }
        texts = [stamps.cast(pa.string()), *(columns[name].cast(pa.string()) for name in figures)]
        raw = pa.table({"row": pc.binary_join_element_wise(*texts, ",", null_handling="replace")})
        share = size * (read + count) // total - size * read // total
        read += count
        yield Batch(_called(path), pa.table(columns), raw, notes, share)


def _further(batch: pa.RecordBatch, kind: str, stamps: pa.Array) -> dict[str, pa.Array]:
    """The canonical columns of a kind besides its figures."""
    count = batch.num_rows
    nothing = pa.nulls(count, pa.string())
    if kind == "bars":
        bare = pa.array(np.zeros(count, np.bool_))
        return {"wall": stamps, "bare": bare, "name": nothing, "adj_close": pa.nulls(count, pa.float64())}
    if kind == "quotes":
        return {}
    side = pc.take(_SIDES, batch["aggressor_side"].cast(pa.int64()))
    return {"trade_id": batch["trade_id"].cast(pa.string()), "conditions": nothing, "exchange": nothing, "side": side}


def _figures(batch: pa.RecordBatch, kind: str, told: Mapping[str, str], path: Path) -> dict[str, NDArray[np.float64]]:
    made = {}
    for name, column in _FIGURES[kind].items():
        precision = told["size_precision" if "size" in name or name == "volume" else "price_precision"]
        made[name] = np.round(_numbers(batch[column], path), int(precision))
    return made


def _numbers(column: pa.Array, path: Path) -> NDArray[np.float64]:
    """Fixed-point figures as floats: 16 bytes of 16 decimals, or 8 bytes of 9, little-endian both."""
    kind = column.type
    if pa.types.is_fixed_size_binary(kind) and kind.byte_width == 16:  # which is how Arrow holds a decimal
        decimals = pa.Array.from_buffers(pa.decimal128(38, 16), len(column), column.buffers(), offset=column.offset)
        return np.asarray(decimals.cast(pa.float64()), np.float64)
    if pa.types.is_fixed_size_binary(kind) and kind.byte_width == 8:
        column = pa.Array.from_buffers(pa.int64(), len(column), column.buffers(), offset=column.offset)
    if not pa.types.is_integer(column.type):
        raise UnreadableFile(f"{_called(path)} holds figures as {kind}, not as NautilusTrader 1.x does.")
    return np.asarray(column.cast(pa.int64()), np.float64) / 1e9
