"""What can be wrong inside a bar file, looked for column by column."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import PurePath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from alphapulse_lib.catalog import actions, floats, layout, repairs, schemas, storage
from alphapulse_lib.catalog.decimals import to_floats
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.parquet import REPLACE, opened, whole
from alphapulse_lib.catalog.reader import MOMENTS, statistics
from alphapulse_lib.catalog.repairs import Problem
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.errors import CatalogDamaged, InputError
from alphapulse_lib.model.instrument import VENUES, Instrument, priced_in
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window

__all__ = ["bar_file"]

type Stamps = NDArray[np.int64]

_IN_ORDER = "`alphapulse check --repair` puts them in order and keeps what was there before."
_STAMPS = "Import them again, saying what their stamps are (`stamps=`), or under their own venue."
_SCALE = "Compare with another source: a unit or a decimal point was mistaken. Import the right bars over them."
#: How far from the session's hours trading before the open and after the close may reach.
_EXTENDED = 8 * 3600 * 10**9
#: A jump by a power of ten counts as one when it is that near to it, in powers of ten: a fifth up or down.
_NEAR = 0.08
_DAYS = 5


def bar_file(root: PurePath, path: PurePath, index: Index, form: int) -> Iterator[Problem]:
    """Every problem of one published or superseded bar file, in a catalog of that format."""
    file = opened(path)
    named = {key.decode(): value.decode() for key, value in (file.schema_arrow.metadata or {}).items()}
    missing = [name for name in schemas.bars("", "", 0, 0).names if name not in file.schema_arrow.names]
    if missing or "bar_type" not in named or not bounds_of(path):
        told = f"lacks {', '.join(missing)}" if missing else "is not a bar file of this catalog"
        yield Problem(path, told, REPLACE, partial(repairs.move_aside, root, path))
        return
    if unread := _unread(file):
        yield Problem(path, unread, REPLACE, partial(repairs.move_aside, root, path))
        return
    if named["bar_type"].replace("/", "") != path.parent.name:
        told = f"holds {named['bar_type']}, not what its folder says"
        yield Problem(path, told, REPLACE, partial(repairs.move_aside, root, path))
    instrument = index.get(named["instrument_id"])
    contradicted = list(_described(root, path, named, instrument))
    yield from contradicted
    table, published = file.read(), path.is_relative_to(root / "data")
    order = partial(repairs.order_bars, root, path) if published else None
    for problem, in_order in _row_problems(table, layout.window_of(path), published=published):
        yield Problem(path, problem, _IN_ORDER if in_order and order else REPLACE, order if in_order else None)
    if not contradicted:  # the precision is what floats are made with
        yield from _floats(root, path, table, form)
    old = layout.superseded(root, path) if published else None
    if old and storage.exists(old) and _outdated(table, whole(old)):
        yield Problem(path, "shows a bar that a superseded one should have replaced", _IN_ORDER, order)
    if instrument and published:
        yield from _in_the_market(root, path, table, instrument, named)


def _unread(file: pq.ParquetFile) -> str:
    """Why no row of a file can be found: ours have rows, and say when the first and the last of them is."""
    if not file.metadata.num_rows:
        return "holds no bar"
    try:
        for name in ("ts_event", *MOMENTS):
            statistics(file, name)
    except KeyError as lacking:
        return f"cannot be read: {lacking.args[0]}"
    return ""


def _floats(root: PurePath, path: PurePath, table: pa.Table, form: int) -> Iterator[Problem]:
    """The floats against the decimals that they were made of."""
    missing = floats.lacking(table.schema) if form >= floats.FORMAT else []
    wrong = floats.differing(table)
    if missing or wrong:
        told = f"lacks {', '.join(missing)}" if missing else f"holds {wrong} floats that differ from their decimals"
        advice = "`alphapulse check --repair` makes them anew of the decimals."
        yield Problem(path, told, advice, partial(repairs.write_floats, root, path))


def bounds_of(path: PurePath) -> tuple[int, int] | None:
    """The bounds that a bar file's name states, if it is one."""
    try:
        window = layout.window_of(path)
    except CatalogDamaged:
        return None
    return window.start, window.end


def _described(
    root: PurePath, path: PurePath, named: dict[str, str], instrument: Instrument | None
) -> Iterator[Problem]:
    """The file's metadata against the index."""
    identity = named["instrument_id"]
    if instrument is None:
        advice = "`alphapulse check --repair` enters it, or remove the file and import its data again."
        entering = None
        if identity.rpartition(".")[2] in VENUES:
            described = Instrument(
                identity,
                currency=priced_in(identity),
                price_precision=int(named["price_precision"]),
                size_precision=int(named["size_precision"]),
            )
            entering = partial(repairs.enter_instrument, root, described)
        yield Problem(
            path, f"holds bars of {identity}, which the index does not know", advice if entering else REPLACE, entering
        )
        return
    for name in ("price_precision", "size_precision"):
        if int(named[name]) != getattr(instrument, name):
            advice = "NautilusTrader rejects every order on it: import it again."
            yield Problem(
                path,
                f"has {name.replace('_', ' ')} {named[name]}, its instrument {getattr(instrument, name)}",
                advice,
            )


def _row_problems(table: pa.Table, bounds: Window, *, published: bool) -> Iterator[tuple[str, bool]]:
    """What is wrong, and whether putting the rows in order mends it."""
    stamps = _nanoseconds(table, "ts_event")
    steps = np.diff(stamps)
    if (steps < 0).any():
        yield "holds bars out of order", True
    twice = len(stamps) - len(np.unique(stamps))
    if published and twice:
        yield f"holds {twice} bars twice", True
    if len(stamps) and (stamps.min() < bounds.start or stamps.max() > bounds.end):
        yield "holds bars outside of the bounds in its name", False
    if early := int((_nanoseconds(table, "available_at") < stamps).sum()):
        yield f"holds {early} bars that were available before they closed", False
    top = pc.greater_equal(table["high"], pc.max_element_wise(table["open"], table["low"], table["close"]))
    bottom = pc.less_equal(table["low"], pc.min_element_wise(table["open"], table["close"]))
    if wrong := len(table) - pc.sum(pc.and_(top, bottom)).as_py():
        yield f"holds {wrong} bars whose high or low is not the extreme", False


def _outdated(published: pa.Table, old: pa.Table) -> bool:
    """Whether a superseded version became available, or else was recorded, after the published one."""
    place = np.searchsorted(stamps := _nanoseconds(published, "ts_event"), wanted := _nanoseconds(old, "ts_event"))
    place = np.minimum(place, len(stamps) - 1)
    same = stamps[place] == wanted
    available = _nanoseconds(old, "available_at"), _nanoseconds(published, "available_at")[place]
    recorded = _nanoseconds(old, "recorded_at"), _nanoseconds(published, "recorded_at")[place]
    later = (available[0] > available[1]) | ((available[0] == available[1]) & (recorded[0] > recorded[1]))
    return bool((same & later).any())


def _in_the_market(
    root: PurePath, path: PurePath, table: pa.Table, instrument: Instrument, named: dict[str, str]
) -> Iterator[Problem]:
    """Stamps against the calendar, prices against their neighbours."""
    try:
        code, period = instrument.venue.code, Period.of_bar_type(named["bar_type"])
    except InputError as refused:
        yield Problem(path, refused.message, refused.hint)
        return
    stamps = _nanoseconds(table, "ts_event")
    if period == Period(1, "d") and (count := int((~np.isin(stamps, sessions(code).closes)).sum())):
        yield Problem(path, f"holds {count} daily bars stamped where {code} closes no session", _STAMPS)
    if not period.is_session and (count := _far_from_sessions(stamps, code)):
        yield Problem(path, f"holds {count} bars hours away from any session of {code}", _STAMPS)
    closes = to_floats(table["close"], int(named["price_precision"]))
    splits = actions.read(root, instrument.id).filter(pc.field("kind") == "split")
    jumps = _jumps(stamps, closes, splits)
    if len(jumps):
        day = np.datetime64(int(stamps[jumps[0]]), "ns").astype("datetime64[D]")
        told = f"holds {len(jumps)} jumps of the price by a power of ten that no split explains, the first on {day}"
        yield Problem(path, told, _SCALE)


def _far_from_sessions(stamps: Stamps, venue: str) -> int:
    known = sessions(venue)
    following = np.searchsorted(known.closes, stamps)
    inside = np.clip(following, 0, len(known) - 1)
    before_open = known.opens[inside] - stamps
    after_close = stamps - known.closes[np.clip(following - 1, 0, len(known) - 1)]
    return int(((before_open > _EXTENDED) & (after_close > _EXTENDED)).sum())


def _jumps(stamps: Stamps, closes: NDArray[np.float64], splits: pa.Table) -> NDArray[np.int64]:
    """The bars whose close is about 10, 100 or 1,000 times the one before, or that part of it, with no such split."""
    with np.errstate(divide="ignore", invalid="ignore"):
        powers = np.log10(closes[1:] / closes[:-1])
    whole_powers = np.rint(powers)
    found = np.flatnonzero((np.abs(powers - whole_powers) < _NEAR) & (whole_powers != 0) & (np.abs(whole_powers) <= 3))
    days = stamps[found + 1] // (86_400 * 10**9)
    explained = np.zeros(len(found), bool)
    for ex_date, ratio in zip(splits["ex_date"].cast(pa.int32()).to_pylist(), splits["ratio"].to_pylist(), strict=True):
        alike = np.abs(powers[found] + np.log10(ratio)) < 2 * _NEAR
        explained |= alike & (np.abs(days - ex_date) <= _DAYS)
    jumps: NDArray[np.int64] = found[~explained] + 1
    return jumps


def _nanoseconds(table: pa.Table, name: str) -> Stamps:
    moments: Stamps = table[name].cast(pa.int64()).to_numpy()
    return moments
