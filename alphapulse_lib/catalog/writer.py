"""Bars and instruments into a root, and an import out of it again. Column-wise: no Python object a bar.

Each partition is one file (`layout`). A write reads it together with its superseded rows, merges (`versions`), and
publishes the superseded rows first and the new file after them, so that a crash between the two loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alphapulse_lib import clock
from alphapulse_lib.catalog import actions, datasets, floats, layout, schemas, storage, ticks, universes, versions
from alphapulse_lib.catalog.decimals import to_decimals
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.instruments import nautilus_files
from alphapulse_lib.catalog.parquet import opened, whole
from alphapulse_lib.catalog.publish import Fill, Publishing, locked, parquet, publish, publishing, withdraw
from alphapulse_lib.catalog.row_groups import group_ends
from alphapulse_lib.errors import InputError
from alphapulse_lib.model.instrument import Instrument, Listing
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window

__all__ = [
    "Bars",
    "Removed",
    "Written",
    "publish_bars",
    "remove_import",
    "write_bars",
    "write_instruments",
    "write_series",
]

_KEY = ("ts_event",)
#: Rows, of as many series as hold them, that are put in place together: a few tenths of a second of writing.
_ROWS_AT_ONCE = 1 << 17


@dataclass(frozen=True, slots=True)
class Written:
    """How many rows of an import were new, were known already, and replaced others."""

    rows_new: int = 0
    rows_same: int = 0
    rows_restated: int = 0

    def __add__(self, other: Written) -> Written:
        return Written(
            self.rows_new + other.rows_new,
            self.rows_same + other.rows_same,
            self.rows_restated + other.rows_restated,
        )


@dataclass(frozen=True, slots=True)
class Removed:
    """What taking an import back removed: rows by kind, and the instruments that nothing is left of."""

    bars: int = 0
    actions: int = 0
    articles: int = 0
    mentions: int = 0
    scores: int = 0
    trades: int = 0
    quotes: int = 0
    instruments: tuple[str, ...] = ()


class Bars(NamedTuple):
    """Bars of one series on their way into a catalog: see `write_bars`."""

    instrument: Instrument
    period: Period
    table: pa.Table
    assumed: bool = False


def write_bars(
    root: PurePath,
    instrument: Instrument,
    period: Period | str,
    table: pa.Table,
    import_id: str,
    *,
    recorded_at: int | None = None,
    assumed: bool = False,
) -> Written:
    """Merge bars into a series.

    Parameters
    ----------
    root : PurePath
        The catalog's root; made when it is new.
    instrument : Instrument
        Decides the precision: prices and volumes are rounded to it.
    period : Period or str
        The bars' period, such as ``"1d"``.
    table : pa.Table
        Columns ``ts`` (the bar's close), ``open``, ``high``, ``low``, ``close``, ``volume`` (float64) and
        ``available_at``; times are ``timestamp[ns, UTC]``. In any order; further columns are left aside.
    import_id : str
        What `remove_import` takes them back by.
    recorded_at : int, optional
        When the catalog learned them, nanoseconds since 1970, UTC; now unless told.
    assumed : bool
        Nobody said when the bars became available; ``available_at`` is a default.

    Returns
    -------
    Written
        A row that says what was known already changes nothing. A restated one takes the older one's place, which
        moves to ``revisions/``. One that claims to have been available no later than the row it contradicts counts
        as available from its recording.

    Raises
    ------
    InputError
        A column is missing, a price or volume is not a number, or a time lies before 1970.
    CatalogBusy
        Another writer did not end in time.
    """
    one = Bars(instrument, Period.parse(period), table, assumed)
    return next(write_series(root, [one], import_id, recorded_at=recorded_at))


def write_series(
    root: PurePath, series: Iterable[Bars], import_id: str, *, recorded_at: int | None = None
) -> Iterator[Written]:
    """Merge bars into several series, each as `write_bars` does; what each changed, once it is in place.

    Some are written at a time, under the root's lock, of which another writer gets its share in between.
    """
    for some in _at_once(series):
        now = clock.now_ns() if recorded_at is None else recorded_at
        encoded = [_encoded(each, import_id) for each in some]
        with locked(root), publishing(root) as files:
            done = [_merged(root, each, arriving, now, files) for each, arriving in zip(some, encoded, strict=True)]
        yield from done


def write_instruments(
    root: PurePath, instruments: Iterable[Instrument], listings: Iterable[Listing] = (), import_id: str = ""
) -> int:
    """Add instruments and listings to the index, and NautilusTrader's own files of the instruments.

    Returns
    -------
    int
        How many of the listings were new.

    Raises
    ------
    InputError
        An instrument is known with another precision, currency or class, or its venue is not known.
    """
    chosen = list(instruments)
    for each in chosen:
        each.venue  # noqa: B018 an unknown venue is refused before anything is written
    with locked(root):
        added = Index(root).add(chosen, listings, import_id)
        with publishing(root) as files:
            for each, kind, table in nautilus_files(chosen):
                path = layout.instrument_file(root, kind, each.id)
                if not storage.exists(path):
                    files.add(path, parquet(table, compression="none", use_dictionary=False))  # of one row
    return added


def remove_import(root: PurePath, import_id: str) -> Removed:
    """Take back every row that an import brought, and put back what those rows had superseded.

    Rows that the import found to be known already stay: they belong to the import that brought them. Instruments it
    added go when no bar and no action of theirs is left. Safe to repeat.

    Raises
    ------
    CatalogBusy
        Another writer did not end in time.
    """
    with locked(root):
        bars = sum(_remove_from_partition(root, path, import_id) for path in list(layout.bar_files(root)))
        acted = actions.remove(root, import_id)
        trades, quotes = (ticks.remove(root, kind, import_id) for kind in ticks.KINDS)
        universes.remove(root, import_id)
        counts = {name: datasets.remove(root, name, import_id) for name in layout.DATASETS}
        index, held = Index(root), _held(root)
        in_use = set(actions.instruments(root)) | {
            each.id for each in index.instruments() if each.id.replace("/", "") in held
        }
        gone = index.remove(import_id, keep=in_use)
        for each in gone:
            for kind in layout.INSTRUMENT_KINDS:
                withdraw(layout.instrument_file(root, kind, each))
    return Removed(bars=bars, actions=acted, trades=trades, quotes=quotes, instruments=tuple(gone), **counts)


def _held(root: PurePath) -> set[str]:
    """The instruments that bars or ticks are held of, with the slash of a currency pair left out."""
    of_bars = {bar_type.rsplit("-", 4)[0] for bar_type in layout.series(root)}
    return of_bars.union(*(layout.tick_files(root, kind) for kind in ticks.KINDS))


def bar_file(root: PurePath, instrument_id: str, period: Period, bounds: Window) -> PurePath:
    """The file of one partition of a series."""
    return layout.bars_folder(root, period.bar_type(instrument_id)) / f"{layout.bounds_name(bounds)}.parquet"


def _at_once(series: Iterable[Bars]) -> Iterator[list[Bars]]:
    """Series by the handful: as many as there are rows for."""
    some: list[Bars] = []
    for each in series:
        some.append(each)
        if sum(one.table.num_rows for one in some) >= _ROWS_AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def _encoded(bars: Bars, import_id: str) -> pa.Table:
    """The arriving rows in the schema of the file."""
    instrument, period, table, _ = bars
    missing = [name for name in schemas.BAR_INPUT.names if name not in table.schema.names]
    if missing:
        raise InputError(f"Bars without {', '.join(missing)}.", f"They need {', '.join(schemas.BAR_INPUT.names)}.")
    if table.schema != schemas.BAR_INPUT:
        table = table.select(schemas.BAR_INPUT.names).cast(schemas.BAR_INPUT)
    if any(table[name].null_count for name in ("ts", "available_at")):
        raise InputError("A bar has no time.", "Every bar needs ts and available_at.")
    if table.num_rows and table["ts"].to_numpy().astype(np.int64).min() < 0:
        raise InputError("A bar lies before 1970.", "NautilusTrader holds no earlier times.")
    columns = [
        to_decimals(
            table[name].to_numpy(),
            instrument.size_precision if name == "volume" else instrument.price_precision,
            f"{instrument.id} {name}",
        )
        for name in schemas.FIGURES
    ]
    rows = table.num_rows
    origin = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype=np.int32)), pa.array([import_id]))
    schema = schemas.bars(
        period.bar_type(instrument.id), instrument.id, instrument.price_precision, instrument.size_precision
    )
    times = [table["ts"], table["ts"], table["available_at"], table["available_at"]]
    return pa.Table.from_arrays([*columns, *times, origin], schema=schema)


def _partitions(table: pa.Table, period: Period) -> Iterator[tuple[Window, pa.Table]]:
    """The rows of each file; without a copy where they arrive in order."""
    if not table.num_rows:
        return
    stamps = table["ts_event"].cast(pa.int64()).to_numpy()
    first, last = (np.datetime64(int(end), "ns").astype("datetime64[Y]").astype(int) for end in _ends(stamps))
    in_order = bool((np.diff(stamps) >= 0).all())
    years = [0] if period.is_session else range(1970 + int(first), 1971 + int(last))
    for bounds in (layout.partition_of(period, year) for year in years):
        if in_order:
            start, end = np.searchsorted(stamps, bounds.start), np.searchsorted(stamps, bounds.end, side="right")
            part = table.slice(start, end - start)
        else:
            part = table.filter(pa.array((stamps >= bounds.start) & (stamps <= bounds.end)))
        if part.num_rows:
            yield bounds, part


def _ends(stamps: NDArray[np.int64]) -> tuple[np.int64, np.int64]:
    return stamps.min(), stamps.max()


def _merged(root: PurePath, bars: Bars, arriving: pa.Table, now: int, files: Publishing) -> Written:
    total = Written()
    for bounds, part in _partitions(arriving, bars.period):
        path = bar_file(root, bars.instrument.id, bars.period, bounds)
        total += _merge_partition(root, path, part, now, files, assumed=bars.assumed)
    return total


def _merge_partition(
    root: PurePath, path: PurePath, arriving: pa.Table, now: int, files: Publishing, *, assumed: bool
) -> Written:
    if path in files:  # what an earlier part of the same import brought is held by now
        files.place()
    held = held_versions(root, path, arriving.schema)
    merged = versions.merge(held, arriving, _KEY, schemas.FIGURES, now, assumed=assumed)
    if merged.kept.num_rows:
        current, old = versions.newest(pa.concat_tables([held, merged.kept]), _KEY, schemas.FIGURES)
        if old.num_rows:
            files.add(layout.superseded(root, path), _bar_content(old), first=True)
        files.add(path, _bar_content(current))
    return Written(merged.new, merged.same, merged.restated)


def held_versions(root: PurePath, path: PurePath, schema: pa.Schema) -> pa.Table:
    """Every version a partition holds, superseded ones too; no rows where there is no file."""
    parts = [whole(each, schema) for each in (path, layout.superseded(root, path)) if storage.exists(each)]
    return pa.concat_tables(parts) if parts else schema.empty_table()


def publish_bars(root: PurePath, path: PurePath, table: pa.Table) -> None:
    """Put bars in place as one file with their floats, under the root's lock."""
    publish(root, path, _bar_content(table))


def _bar_content(table: pa.Table) -> Fill:
    """Bars as the content of a file, with their floats, which are made when it is written."""

    def fill(file: pa.NativeFile) -> None:
        content = floats.added(table).unify_dictionaries()
        parquet(
            content,
            groups=group_ends(content),
            # lz4 is packed and read in half the time of zstd; only of volumes does zstd make much less.
            compression={name: "zstd" if name == "volume" else "lz4" for name in content.column_names},
            # Volumes are whole numbers mostly: the last bytes of their doubles are all alike.
            use_byte_stream_split=floats.renamed(["volume"]),
            # Prices repeat, volumes do not: so they are smallest, and doubles in a dictionary are read fastest.
            use_dictionary=["recorded_at", "import_id", *schemas.PRICES, *floats.renamed(schemas.PRICES)],
            # Times grow evenly: their differences take half of the file less.
            column_encoding=dict.fromkeys(("ts_event", "ts_init", "available_at"), "DELTA_BINARY_PACKED"),
            write_statistics=["ts_event", "ts_init", "available_at", "recorded_at"],
        )(file)

    return fill


def _remove_from_partition(root: PurePath, path: PurePath, import_id: str) -> int:
    """Rows removed from the partition that a published or a superseded file belongs to."""
    if not storage.exists(path) or import_id not in _imports(path):
        return 0
    published = path
    if "revisions" in path.relative_to(root).parts:
        published = root / "data" / "bars" / path.parent.name / path.name
    old_file = layout.superseded(root, published)
    held = held_versions(root, published, floats.left_out(opened(path).schema_arrow))
    left = held.filter(pc.not_equal(held["import_id"].cast(pa.string()), import_id))
    current, old = versions.newest(left, _KEY, schemas.FIGURES)
    if current.num_rows:
        publish_bars(root, published, current)
    else:
        withdraw(published)
    if old.num_rows:
        publish_bars(root, old_file, old)
    else:
        withdraw(old_file)
    return int(held.num_rows - left.num_rows)


def _imports(path: PurePath) -> set[str]:
    """The imports that a file's rows came from."""
    column = whole(path, ["import_id"])["import_id"]
    return {name for chunk in column.chunks for name in chunk.dictionary.to_pylist()}
