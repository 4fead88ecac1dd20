"""Trades and quotes, one file an instrument and month of the venue's own calendar, in NautilusTrader's own columns.

What names a trade is its moment and its id, a quote its moment and its place among the quotes of that moment; so all
ticks of one moment arrive in one table. A trade that came without an id gets such a place for one. Corrections keep
history as those of bars do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alphapulse_lib import clock
from alphapulse_lib.catalog import layout, reader, schemas, storage, versions
from alphapulse_lib.catalog.decimals import to_decimals, to_floats
from alphapulse_lib.catalog.parquet import opened, whole
from alphapulse_lib.catalog.publish import locked, publish_table, withdraw
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.schemas import TIME
from alphapulse_lib.errors import InputError
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.window import Window

__all__ = [
    "COLUMNS",
    "KEYS",
    "KINDS",
    "Tick",
    "files",
    "files_of",
    "groups",
    "held",
    "read",
    "remove",
    "write_quotes",
    "write_trades",
]

type Tick = Literal["trades", "quotes"]

#: The kinds of tick.
KINDS: tuple[Tick, ...] = ("trades", "quotes")
_SIDES = ("NO_AGGRESSOR", "BUY", "SELL")


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of tick: its figures by name outside and in the file, the further columns, what names a tick."""

    type_name: str
    figures: dict[str, str]
    nautilus: tuple[tuple[str, pa.DataType], ...]
    ours: tuple[tuple[str, pa.DataType], ...]
    key: tuple[str, ...]

    @property
    def values(self) -> tuple[str, ...]:
        """What a tick says, but for what names it."""
        every = (*self.figures.values(), *(name for name, _ in (*self.nautilus, *self.ours)))
        return tuple(name for name in every if name not in self.key)


_SIDE = pa.dictionary(pa.int8(), pa.string())
_KINDS: dict[str, _Kind] = {
    "trades": _Kind(
        "TradeTick",
        {"price": "price", "size": "size"},
        (("aggressor_side", _SIDE), ("trade_id", pa.string())),
        (("conditions", pa.string()), ("exchange", pa.string())),
        ("ts_event", "trade_id"),
    ),
    "quotes": _Kind(
        "QuoteTick",
        {"bid": "bid_price", "ask": "ask_price", "bid_size": "bid_size", "ask_size": "ask_size"},
        (),
        (("sequence", pa.int32()),),
        ("ts_event", "sequence"),
    ),
}

#: What names a tick among those of its moment.
KEYS = {kind: each.key[1] for kind, each in _KINDS.items()}
#: What `read` gives of each kind, after ``ts``.
COLUMNS: dict[str, tuple[str, ...]] = {
    kind: (*each.figures, *(name for name, _ in (*each.nautilus, *each.ours))) for kind, each in _KINDS.items()
}


def write_trades(
    root: PurePath,
    instrument: Instrument,
    table: pa.Table,
    import_id: str,
    *,
    recorded_at: int | None = None,
    assumed: bool = False,
) -> versions.Merge:
    """Merge trades into an instrument's.

    Parameters
    ----------
    root : PurePath
        The catalog's root; made when it is new.
    instrument : Instrument
        Decides the precision: prices and sizes are rounded to it.
    table : pa.Table
        ``ts`` and ``available_at`` (``timestamp[ns, UTC]``), ``price`` and ``size`` (float64); ``trade_id``,
        ``aggressor_side`` (``BUY``, ``SELL`` or ``NO_AGGRESSOR``, which is the default), ``conditions`` and
        ``exchange`` (strings) where they are known. All trades of one moment, in their order.
    import_id : str
        What `writer.remove_import` takes them back by.
    recorded_at : int, optional
        When the catalog learned them, nanoseconds since 1970, UTC; now unless told.
    assumed : bool
        Nobody said when the trades became available; ``available_at`` is a default.

    Returns
    -------
    versions.Merge
        ``added`` rows, and how many were ``new``, ``same`` and ``restated``.

    Raises
    ------
    InputError
        A column is missing, a figure is not a number, a side is none, or a time lies before 1970.
    CatalogBusy
        Another writer did not end in time.
    """
    return _write(root, instrument, "trades", table, import_id, recorded_at, assumed)


def write_quotes(
    root: PurePath,
    instrument: Instrument,
    table: pa.Table,
    import_id: str,
    *,
    recorded_at: int | None = None,
    assumed: bool = False,
) -> versions.Merge:
    """Merge quotes into an instrument's: ``ts``, ``available_at``, ``bid``, ``ask``, ``bid_size``, ``ask_size``.

    All quotes of one moment, in their order; otherwise as `write_trades`.
    """
    return _write(root, instrument, "quotes", table, import_id, recorded_at, assumed)


def read(
    roots: Roots | PurePath,
    kind: Tick,
    instrument_id: str,
    window: Window | None = None,
    as_of: int | None = None,
    recorded_as_of: int | None = None,
    *,
    known: bool = False,
) -> pa.Table:
    """Ticks as numbers.

    Parameters
    ----------
    window : Window, optional
        Bounds of ``ts``; all unless told.
    as_of, recorded_as_of : int, optional
        What was available, and what was recorded, by then: nanoseconds since 1970, UTC; now unless told.
    known : bool
        Tell ``available_at`` as well.

    Returns
    -------
    pa.Table
        ``ts`` and `COLUMNS` of the kind, sorted by ``ts``; ticks of one moment in the order they arrived in.
    """
    chosen, window = _KINDS[kind], window or Window()
    wanted = ["ts_event", *chosen.figures.values(), *(name for name, _ in (*chosen.nautilus, *chosen.ours))]
    moments = (("available_at", TIME),) if known else ()
    parts = []
    for root, path in files_of(Roots.of(roots), kind, instrument_id, window):
        read_too = [name for name, _ in moments]
        table = _by_time(reader.read_file(root, path, window, as_of, recorded_as_of, [*wanted, *read_too], chosen.key))
        told = _as_numbers(table, chosen)
        parts.append(told.append_column("available_at", table["available_at"]) if known else told)
    schema = pa.schema([("ts", TIME), *((name, pa.float64()) for name in chosen.figures)])
    for name, type_ in (*chosen.nautilus, *chosen.ours, *moments):
        schema = schema.append(pa.field(name, pa.string() if pa.types.is_dictionary(type_) else type_))
    return pa.concat_tables(parts).cast(schema) if parts else schema.empty_table()


def files(roots: Roots | PurePath, kind: Tick) -> Iterator[tuple[PurePath, PurePath]]:
    """Root and path of every published file of a kind, each instrument's from the root it is read from."""
    seen = set()
    for _, root in Roots.of(roots).all:
        for folder, paths in layout.tick_files(root, kind).items():
            if folder not in seen:
                seen.add(folder)
                yield from ((root, path) for path in paths)


def groups(roots: Roots | PurePath, kind: Tick, instrument_id: str, window: Window) -> Iterator[tuple[int, int, int]]:
    """Of an instrument's row groups that reach into a window: their rows, and their first and last moment."""
    for _, path in files_of(Roots.of(roots), kind, instrument_id, window):
        yield from reader.groups_of(path, window)


def held(roots: Roots | PurePath, kind: Tick, instrument_id: str) -> tuple[int, int, int]:
    """How many ticks are held, and the first and the last one's moment, from the files' statistics alone."""
    spans = [reader.span(path) for _, path in files_of(Roots.of(roots), kind, instrument_id, Window())]
    return sum(each[0] for each in spans), min((e[1] for e in spans), default=0), max((e[2] for e in spans), default=0)


def remove(root: PurePath, kind: Tick, import_id: str) -> int:
    """Take an import's ticks back, and put back what they had superseded; how many they were."""
    with locked(root):
        published = {path for paths in layout.tick_files(root, kind).values() for path in paths}
        old = layout.superseded_files(root, kind)
        published |= {root / "data" / path.relative_to(root / "revisions") for path in old}
        return sum(_remove_from_month(root, path, _KINDS[kind], import_id) for path in sorted(published))


def _write(
    root: PurePath,
    instrument: Instrument,
    kind: Tick,
    table: pa.Table,
    import_id: str,
    recorded_at: int | None,
    assumed: bool,
) -> versions.Merge:
    chosen = _KINDS[kind]
    now = clock.now_ns() if recorded_at is None else recorded_at
    arriving = _encoded(table, instrument, chosen, import_id)
    merges = []
    with locked(root):
        for bounds, part in _months(arriving, instrument.venue.timezone):
            path = layout.ticks_folder(root, kind, instrument.id) / f"{layout.bounds_name(bounds)}.parquet"
            before = _versions(root, path, arriving.schema)
            merged = versions.merge(before, part, chosen.key, chosen.values, now, assumed=assumed)
            if merged.kept.num_rows:
                _publish(root, path, pa.concat_tables([before, merged.kept]), chosen)
            merges.append(merged)
    return versions.together(merges, arriving.schema)


def _encoded(table: pa.Table, instrument: Instrument, kind: _Kind, import_id: str) -> pa.Table:
    """The arriving rows in the schema of the file, sorted by time."""
    needed = ["ts", "available_at", *kind.figures]
    if missing := [name for name in needed if name not in table.schema.names]:
        raise InputError(f"Ticks without {', '.join(missing)}.", f"They need {', '.join(needed)}.")
    if any(table[name].null_count for name in needed):
        raise InputError("A tick lacks a time or a figure.", f"Every one needs {', '.join(needed)}.")
    table = _by_time(table.rename_columns(["ts_event" if each == "ts" else each for each in table.column_names]))
    if table.num_rows and table["ts_event"].cast(TIME).cast(pa.int64())[0].as_py() < 0:
        raise InputError("A tick lies before 1970.", "NautilusTrader holds no earlier times.")
    schema = _schema(instrument, kind)
    columns = [_column(table, field, instrument, kind, import_id) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _schema(instrument: Instrument, kind: _Kind) -> pa.Schema:
    """NautilusTrader's columns in its order, ours at the end."""
    figures = [pa.field(name, schemas.DECIMAL, nullable=False) for name in kind.figures.values()]
    further = [pa.field(name, type_, nullable=False) for name, type_ in kind.nautilus]
    times = [pa.field(name, TIME, nullable=False) for name in ("ts_event", "ts_init")]
    return pa.schema(
        [*figures, *further, *times, *(pa.field(*each) for each in kind.ours), *schemas.trail()],
        metadata={
            "instrument_id": instrument.id,
            "price_precision": str(instrument.price_precision),
            "size_precision": str(instrument.size_precision),
            "type_name": kind.type_name,
        },
    )


def _column(
    table: pa.Table, field: pa.Field, instrument: Instrument, kind: _Kind, import_id: str
) -> pa.Array | pa.ChunkedArray:
    names = {inside: outside for outside, inside in kind.figures.items()}
    if field.name in names:
        precision = instrument.size_precision if "size" in field.name else instrument.price_precision
        values = table[names[field.name]].cast(pa.float64()).to_numpy()
        return to_decimals(values, precision, f"{instrument.id} {names[field.name]}")
    if field.name in ("ts_event", "ts_init"):
        return table["ts_event"].cast(TIME)
    if field.name in ("available_at", "recorded_at"):
        return table["available_at"].cast(TIME)
    if field.name == "import_id":
        return pa.array([import_id] * table.num_rows, pa.string()).dictionary_encode().cast(field.type)
    if field.name == "sequence":
        return pa.array(_places(table).astype(np.int32))
    given = table[field.name].cast(pa.string()) if field.name in table.column_names else pa.nulls(table.num_rows)
    given = given.cast(pa.string())
    if field.name == "trade_id":
        stamps = table["ts_event"].cast(TIME).cast(pa.int64()).cast(pa.string())
        made = pc.binary_join_element_wise(stamps, pa.array(_places(table)).cast(pa.string()), "-")
        return pc.coalesce(given, made)
    if field.name == "aggressor_side":
        return _sides(pc.fill_null(given, _SIDES[0])).cast(field.type)
    return given


def _sides(given: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    if strange := set(pc.unique(given).to_pylist()) - set(_SIDES):
        raise InputError(f"A trade's side is {sorted(strange)[0]!r}.", f"It is one of {', '.join(_SIDES)}.")
    return pc.dictionary_encode(given)


def _places(table: pa.Table) -> NDArray[np.int64]:
    """Each row's place among those of its moment, counted from 0; the rows are sorted by time."""
    stamps = table["ts_event"].cast(TIME).cast(pa.int64()).to_numpy()
    positions = np.arange(len(stamps))
    starts = np.append(True, stamps[1:] != stamps[:-1])[: len(stamps)]
    return positions - np.maximum.accumulate(np.where(starts, positions, 0)) if len(stamps) else positions


def _months(table: pa.Table, timezone: str) -> Iterator[tuple[Window, pa.Table]]:
    """The rows of each month of the venue's calendar; the rows are sorted by time."""
    stamps = table["ts_event"].cast(pa.int64()).to_numpy()
    zone, at = ZoneInfo(timezone), 0
    while at < len(stamps):
        local = datetime.fromtimestamp(int(stamps[at]) // 10**9, UTC).astimezone(zone)
        first = datetime(local.year, local.month, 1, tzinfo=zone)
        after = datetime(local.year + local.month // 12, local.month % 12 + 1, 1, tzinfo=zone)
        bounds = Window(max(0, int(first.timestamp()) * 10**9), int(after.timestamp()) * 10**9 - 1)
        end = int(np.searchsorted(stamps, bounds.end, side="right"))
        yield bounds, table.slice(at, end - at)
        at = end


def _by_time(table: pa.Table) -> pa.Table:
    """Sorted by time; what shares a moment stays in its order."""
    stamps = table["ts_event"].cast(TIME).cast(pa.int64()).to_numpy()
    return table if (stamps[1:] >= stamps[:-1]).all() else table.take(np.argsort(stamps, kind="stable"))


def _versions(root: PurePath, path: PurePath, schema: pa.Schema) -> pa.Table:
    """Every version that a month holds, superseded ones too."""
    parts = [whole(each, schema) for each in (path, layout.superseded(root, path)) if storage.exists(each)]
    return pa.concat_tables(parts) if parts else schema.empty_table()


def _publish(root: PurePath, path: PurePath, every: pa.Table, kind: _Kind) -> None:
    """The superseded ticks first, so that a crash between the two files loses nothing."""
    current, old = (_by_time(each).unify_dictionaries() for each in versions.newest(every, kind.key, kind.values))
    for place, rows in ((layout.superseded(root, path), old), (path, current)):
        if rows.num_rows:
            publish_table(
                root,
                place,
                rows,
                use_dictionary=["aggressor_side", "conditions", "exchange", "recorded_at", "import_id"],
                column_encoding=dict.fromkeys(("ts_event", "ts_init", "available_at"), "DELTA_BINARY_PACKED"),
            )
        else:
            withdraw(place)


def _remove_from_month(root: PurePath, path: PurePath, kind: _Kind, import_id: str) -> int:
    places = [each for each in (path, layout.superseded(root, path)) if storage.exists(each)]
    every = _versions(root, path, opened(places[0]).schema_arrow)
    left = every.filter(pc.not_equal(every["import_id"].cast(pa.string()), import_id))
    if left.num_rows < every.num_rows:
        _publish(root, path, left, kind)
    return int(every.num_rows - left.num_rows)


def files_of(roots: Roots, kind: Tick, instrument_id: str, window: Window) -> Sequence[tuple[PurePath, PurePath]]:
    """Root and path of an instrument's published files that reach into a window, in the order of time."""
    for _, root in roots.all:
        if paths := layout.parquet_files(layout.ticks_folder(root, kind, instrument_id)):
            bounds = layout.bounded(paths)
            return [(root, path) for path, each in bounds if each.start <= window.end and each.end >= window.start]
    return []


def _as_numbers(table: pa.Table, kind: _Kind) -> pa.Table:
    metadata = table.schema.metadata
    columns = {"ts": table["ts_event"]}
    for outside, inside in kind.figures.items():
        precision = int(metadata[b"size_precision" if "size" in inside else b"price_precision"])
        columns[outside] = pa.array(to_floats(table[inside], precision))
    for name, type_ in (*kind.nautilus, *kind.ours):
        columns[name] = table[name].cast(pa.string()) if pa.types.is_dictionary(type_) else table[name]
    return pa.table(columns)
