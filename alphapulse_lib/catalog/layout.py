"""Where each thing lies in a root, and which files there are: nothing here reads or writes a file's content.

::

    catalog.json                            the format
    data/bars/<bar type>/<bounds>.parquet   bars, as NautilusTrader writes them; the newest version of each
    data/trades|quotes/<id>/<bounds>.parquet   ticks, as NautilusTrader writes them; a month each
    data/equity|cfd/<id>/<bounds>.parquet   instruments, as NautilusTrader writes them
    instruments.parquet, listings.parquet   the index
    actions.parquet                         splits, dividends, spin-offs, renames, delistings
    universes.parquet                       who belonged to an index from when until when
    articles/ mentions/ scores/             <year>.parquet; of an article the year of its first version
    revisions/bars/<bar type>/<bounds>.parquet   bars that were superseded
    revisions/{articles,...}/ revisions/actions.parquet   rows that only confirm what those before them said
    quarantine/ flags/ imports/             rows set aside, what is odd about kept ones, what each import did:
                                            written by ingestion
    imports/<id>.unfinished                 an import that is under way, or died (`unfinished`)
    incoming/                               files being written
    damaged/                                what `alphapulse check --repair` moved out of the way
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from pathlib import PurePath

from alphapulse_lib.catalog import storage
from alphapulse_lib.errors import CatalogDamaged
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import FOREVER, Window

__all__ = ["DATASETS", "STAMP", "bar_types", "bars_folder", "bounded", "bounds_name", "partition_of", "window_of"]

STAMP = "catalog.json"
INSTRUMENTS = "instruments.parquet"
LISTINGS = "listings.parquet"
ACTIONS = "actions.parquet"
UNIVERSES = "universes.parquet"
IMPORTS = "imports"
DAMAGED = "damaged"
INSTRUMENT_KINDS = ("equity", "cfd")
DATASETS = ("articles", "mentions", "scores")
FLAGS = "flags"

_BARS = PurePath("data/bars")


@lru_cache(maxsize=8192)
def bars_folder(root: PurePath, bar_type: str) -> PurePath:
    """The folder of a series. NautilusTrader leaves the slash of ``EUR/USD`` out, and so do we."""
    return root / _BARS / bar_type.replace("/", "")


def superseded(root: PurePath, published: PurePath) -> PurePath:
    """Where the superseded rows of a published file of bars, trades or quotes lie."""
    return root / "revisions" / published.relative_to(root / "data")


def ticks_folder(root: PurePath, kind: str, instrument_id: str) -> PurePath:
    """The folder of an instrument's ``"trades"`` or ``"quotes"``."""
    return root / "data" / kind / instrument_id.replace("/", "")


def tick_folders(root: PurePath, kind: str) -> list[PurePath]:
    """The folders of all instruments that ``"trades"`` or ``"quotes"`` are held of, sorted."""
    return storage.folders(root / "data" / kind)


def superseded_files(root: PurePath, kind: str) -> list[PurePath]:
    """The files of superseded ``"bars"``, ``"trades"`` or ``"quotes"``, sorted."""
    return [path for paths in _by_folder(root / "revisions" / kind).values() for path in paths]


def all_parquet(place: PurePath) -> list[PurePath]:
    """Every Parquet file of a root, or of a part of it, sorted."""
    return [path for path in storage.tree(place) if path.suffix == ".parquet"]


def records(root: PurePath) -> list[PurePath]:
    """The records of a root's imports, the oldest first."""
    return storage.files(root / IMPORTS, ".json")


def confirming(root: PurePath, file: PurePath) -> PurePath:
    """Where the rows lie that only confirm what a dataset's file says."""
    return root / "revisions" / file.relative_to(root)


def bar_types(root: PurePath, prefix: str = "") -> list[str]:
    """The series a root holds whose names begin so, sorted (with the slash of a currency pair left out)."""
    return [folder.name for folder in storage.folders(root / _BARS, prefix) if parquet_files(folder)]


def series(root: PurePath) -> dict[str, list[PurePath]]:
    """The files of each series a root holds, sorted by time."""
    return {folder.name: paths for folder, paths in _by_folder(root / _BARS).items()}


def tick_files(root: PurePath, kind: str) -> dict[str, list[PurePath]]:
    """The published files of ``"trades"`` or ``"quotes"`` by the folder of their instrument, sorted by time."""
    return {folder.name: paths for folder, paths in _by_folder(root / "data" / kind).items()}


def bar_files(root: PurePath) -> Iterator[PurePath]:
    """Every bar file a root holds, published ones first, then superseded ones."""
    for paths in series(root).values():
        yield from paths
    yield from superseded_files(root, "bars")


def parquet_files(folder: PurePath) -> list[PurePath]:
    """The Parquet files of a folder, sorted by name, which for bars is by time."""
    return storage.files(folder, ".parquet")


def quarantine_file(root: PurePath, import_id: str) -> PurePath:
    """The rows that an import set aside."""
    return root / "quarantine" / f"{import_id}.parquet"


def flags_file(root: PurePath, import_id: str) -> PurePath:
    """What is odd about the rows that an import brought."""
    return root / FLAGS / f"{import_id}.parquet"


def instrument_file(root: PurePath, kind: str, instrument_id: str) -> PurePath:
    """NautilusTrader's file of one instrument; ``kind`` is ``"equity"`` or ``"cfd"``."""
    return root / "data" / kind / instrument_id.replace("/", "") / f"{bounds_name(Window(0, 0))}.parquet"


def partition_of(period: Period, year: int) -> Window:
    """The bounds of the file a bar belongs to: all time for daily and coarser ones, else its calendar year in UTC."""
    if period.is_session:
        return Window(0, FOREVER)
    first, after = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    return Window(int(first.timestamp()) * 10**9, int(after.timestamp()) * 10**9 - 1)


@lru_cache(maxsize=4096)
def bounds_name(bounds: Window) -> str:
    """A partition's name, as NautilusTrader names files: both moments in ISO, ``:`` and ``.`` as ``-``."""
    return f"{_moment(bounds.start)}_{_moment(bounds.end)}"


def window_of(path: PurePath) -> Window:
    """The bounds a bar file's name states.

    Raises
    ------
    CatalogDamaged
        It states none.
    """
    try:
        return _bounds(path.stem)
    except ValueError:
        raise CatalogDamaged(
            f"{path} is no file of this catalog: its name states no bounds.",
            "Move it out of data/: `alphapulse check --repair` moves it to damaged/.",
        ) from None


def bounded(paths: Sequence[PurePath]) -> list[tuple[PurePath, Window]]:
    """The files of one series with their bounds, by time.

    Raises
    ------
    CatalogDamaged
        A name states no bounds, or two files overlap: what both hold would be read twice.
    """
    return list(_bounded(tuple(paths)))


@lru_cache(maxsize=8192)
def _bounded(paths: tuple[PurePath, ...]) -> list[tuple[PurePath, Window]]:
    found = sorted(((path, window_of(path)) for path in paths), key=lambda each: each[1].start)
    for (one, earlier), (other, later) in pairwise(found):
        if earlier.end >= later.start:
            raise CatalogDamaged(
                f"{one} and {other.name} overlap: what both hold would be read twice.",
                "`alphapulse check` says which of them is not the catalog's; with --repair it moves that to damaged/.",
            )
    return found


def _by_folder(area: PurePath) -> dict[PurePath, list[PurePath]]:
    """The Parquet files that lie one folder below an area, by folder, sorted."""
    found: dict[PurePath, list[PurePath]] = {}
    for path in storage.tree(area):
        if path.suffix == ".parquet" and path.parent.parent == area:
            found.setdefault(path.parent, []).append(path)
    return found


def _moment(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H-%M-%S}-{rest:09d}Z"


@lru_cache(maxsize=4096)
def _bounds(stem: str) -> Window:
    first, _, last = stem.partition("_")
    return Window(_nanoseconds(first), _nanoseconds(last))


def _nanoseconds(text: str) -> int:
    seconds = datetime.strptime(text[:19], "%Y-%m-%dT%H-%M-%S").replace(tzinfo=UTC)
    return int(seconds.timestamp()) * 10**9 + int(text[20:29])
