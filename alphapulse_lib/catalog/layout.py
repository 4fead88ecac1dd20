"""Where each thing lies in a root. Names only: nothing here reads or writes a file's content.

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

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import FOREVER, Window

__all__ = ["DATASETS", "STAMP", "bar_types", "bars_folder", "bounds_name", "partition_of", "window_of"]

STAMP = "catalog.json"
LOCK = "catalog.lock"
INCOMING = "incoming"
INSTRUMENTS = "instruments.parquet"
LISTINGS = "listings.parquet"
ACTIONS = "actions.parquet"
UNIVERSES = "universes.parquet"
IMPORTS = "imports"
DAMAGED = "damaged"
DATASETS = ("articles", "mentions", "scores")
FLAGS = "flags"

_BARS = Path("data/bars")
_SUPERSEDED = Path("revisions/bars")


def bars_folder(root: Path, bar_type: str) -> Path:
    """The folder of a series. NautilusTrader leaves the slash of ``EUR/USD`` out, and so do we."""
    return root / _BARS / bar_type.replace("/", "")


def superseded(root: Path, published: Path) -> Path:
    """Where the superseded rows of a published file of bars, trades or quotes lie."""
    return root / "revisions" / published.relative_to(root / "data")


def ticks_folder(root: Path, kind: str, instrument_id: str) -> Path:
    """The folder of an instrument's ``"trades"`` or ``"quotes"``."""
    return root / "data" / kind / instrument_id.replace("/", "")


def tick_folders(root: Path, kind: str) -> list[Path]:
    """The folders of all instruments that ``"trades"`` or ``"quotes"`` are held of, sorted."""
    try:
        return sorted((root / "data" / kind).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def confirming(root: Path, file: Path) -> Path:
    """Where the rows lie that only confirm what a dataset's file says."""
    return root / "revisions" / file.relative_to(root)


def bar_types(root: Path, prefix: str = "") -> list[str]:
    """The series a root holds whose names begin so, sorted (with the slash of a currency pair left out)."""
    try:
        names = sorted(each.name for each in os.scandir(root / _BARS) if each.name.startswith(prefix))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [name for name in names if parquet_files(root / _BARS / name)]


def bar_files(root: Path) -> Iterator[Path]:
    """Every bar file a root holds, published ones first, then superseded ones."""
    for area in (_BARS, _SUPERSEDED):
        yield from sorted((root / area).glob("*/*.parquet"))


def parquet_files(folder: Path) -> list[Path]:
    """The Parquet files of a folder, sorted by name, which for bars is by time."""
    try:
        return [folder / name for name in sorted(each.name for each in os.scandir(folder)) if name.endswith(".parquet")]
    except (FileNotFoundError, NotADirectoryError):
        return []


def quarantine_file(root: Path, import_id: str) -> Path:
    """The rows that an import set aside."""
    return root / "quarantine" / f"{import_id}.parquet"


def flags_file(root: Path, import_id: str) -> Path:
    """What is odd about the rows that an import brought."""
    return root / FLAGS / f"{import_id}.parquet"


def instrument_file(root: Path, kind: str, instrument_id: str) -> Path:
    """NautilusTrader's file of one instrument; ``kind`` is ``"equity"`` or ``"cfd"``."""
    return root / "data" / kind / instrument_id.replace("/", "") / f"{bounds_name(Window(0, 0))}.parquet"


def partition_of(period: Period, year: int) -> Window:
    """The bounds of the file a bar belongs to: all time for daily and coarser ones, else its calendar year in UTC."""
    if period.is_session:
        return Window(0, FOREVER)
    first, after = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    return Window(int(first.timestamp()) * 10**9, int(after.timestamp()) * 10**9 - 1)


def bounds_name(bounds: Window) -> str:
    """A partition's name, as NautilusTrader names files: both moments in ISO, ``:`` and ``.`` as ``-``."""
    return f"{_moment(bounds.start)}_{_moment(bounds.end)}"


def window_of(path: Path) -> Window:
    """The bounds a bar file's name states."""
    first, last = path.stem.split("_")
    return Window(_nanoseconds(first), _nanoseconds(last))


def _moment(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H-%M-%S}-{rest:09d}Z"


def _nanoseconds(text: str) -> int:
    seconds = datetime.strptime(text[:19], "%Y-%m-%dT%H-%M-%S").replace(tzinfo=UTC)
    return int(seconds.timestamp()) * 10**9 + int(text[20:29])
