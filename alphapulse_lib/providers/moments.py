"""Stamps as people and programs write them, turned into nanoseconds, whole columns at a time.

Understood: ISO 8601 with or without a time and an offset; ``20130501``; ``5/1/2013`` and ``1.5.2013``; ``1-May-13``,
``May 1, 2013``, ``Fri, 17 July 2020``; clocks as ``9:30``, ``09:30:00.123``, ``7:51 PM``; zones as ``Z``, ``-04:00``,
``ET``, ``EST``; seconds, milliseconds, microseconds or nanoseconds since 1970. Whether ``03/04/2013`` is April or March
is decided by the column as a whole, or by ``day_first``; where neither decides, it is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib.errors import IngestError, InputError, did_you_mean
from alphapulse_lib.providers.dates import read_days
from alphapulse_lib.providers.text import as_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Moments", "known_zone", "read_moments"]

_DAY = 86_400_000_000_000
#: The days since 1970 that nanoseconds in 64 bits can hold.
_HELD = (-106_000, 106_000)
_LAST = 9.2e18
#: Name, nanoseconds, and the size from which on numbers are of the next unit.
_EPOCH_UNITS = (
    ("seconds", 1_000_000_000, 1e11),
    ("milliseconds", 1_000_000, 1e14),
    ("microseconds", 1000, 1e17),
    ("nanoseconds", 1, float("inf")),
)
#: Clock abbreviations; those with a daylight rule are zones, the others offsets.
_ABBREVIATIONS = {
    "Z": "UTC", "UTC": "UTC", "GMT": "UTC", "ET": "America/New_York", "CT": "America/Chicago",
    "MT": "America/Denver", "PT": "America/Los_Angeles", "EST": "-05:00", "EDT": "-04:00", "CST": "-06:00",
    "CDT": "-05:00", "MST": "-07:00", "MDT": "-06:00", "PST": "-08:00", "PDT": "-07:00", "BST": "+01:00",
    "CET": "+01:00", "CEST": "+02:00",
}  # fmt: skip
_CLOCK = r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*([AaPp]\.?[Mm]\.?)?"
_ZONE = r"\s*(Z\b|[+-]\d{2}:?\d{2}\b|[+-]\d{2}\b|\b[A-Z]{2,4}\b)?"


@dataclass(frozen=True, slots=True)
class Moments:
    """A column of stamps, read.

    Attributes
    ----------
    instant : numpy.ndarray of int64
        Nanoseconds since 1970, UTC; of a bare date the start of the day in UTC.
    wall : numpy.ndarray of int64
        The date and clock as written, as if they were UTC.
    bare : numpy.ndarray of bool
        Whether it is a date without a time.
    naive : numpy.ndarray of bool
        Whether it names no zone; its instant is then by ``timezone``.
    reason : numpy.ndarray of object
        Why it cannot be used; ``""`` where it can.
    notes : tuple of str
        What was decided in reading.
    day_first, dated : bool or None
        Whether the day comes first in ``03/04/2013``, and whether all are dates without a time, where the column told:
        what the rest of it is to be read by.
    """

    instant: NDArray[np.int64]
    wall: NDArray[np.int64]
    bare: NDArray[np.bool_]
    naive: NDArray[np.bool_]
    reason: NDArray[np.object_]
    notes: tuple[str, ...] = ()
    day_first: bool | None = None
    dated: bool | None = None


def known_zone(name: str) -> str:
    """The zone's name, if there is such a zone.

    Raises
    ------
    InputError
        There is none.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = did_you_mean(name, available_timezones())
        raise InputError(
            f"Unknown time zone {name!r}.", near or "A zone is named such as 'America/New_York'."
        ) from None
    return name


def read_moments(
    column: pa.ChunkedArray | pa.Array,
    *,
    what: str,
    timezone: str | None = None,
    day_first: bool | None = None,
    dated: bool | None = None,
) -> Moments:
    """Read a column of stamps.

    Parameters
    ----------
    column : pyarrow.ChunkedArray or Array
        Text, dates, timestamps, or numbers since 1970.
    what : str
        The column's name, for messages.
    timezone : str or None
        The zone of stamps that name none.
    day_first : bool or None
        How ``03/04/2013`` is read.
    dated : bool or None
        Of a later part of a column: whether the parts before it held dates without a time alone.

    Raises
    ------
    IngestError
        The order of day and month cannot be told, dates without a time are followed by times, or a time of day names
        no zone and ``timezone`` is ``None``.

    Examples
    --------
    >>> read_moments(pa.chunked_array([["2013-05-01 09:30:00-04:00"]]), what="date").instant.tolist()
    [1367415000000000000]
    """
    array = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    if pa.types.is_dictionary(array.type):
        array = pc.cast(array, array.type.value_type)
    if pa.types.is_date(array.type):
        return _dates(array)
    if pa.types.is_timestamp(array.type):
        return _timestamps(array, what, timezone, dated)
    if pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
        return _numbers(pl.Series(values=pl.from_arrow(array)), what)
    return _texts(pc.utf8_trim_whitespace(as_text(array)), what, timezone, day_first, dated)


def _texts(
    array: pa.ChunkedArray, what: str, timezone: str | None, day_first: bool | None, dated: bool | None
) -> Moments:
    filled = pc.coalesce(array, "")
    if dated is not False and pc.all(pc.equal(pc.utf8_length(filled), 10)).as_py():
        try:  # The usual case of daily bars, a whole column of ISO dates, is read at once.
            read = pc.cast(filled, pa.date32())
        except pa.ArrowInvalid:
            read = None
        if read is not None and (np.abs(np.asarray(pc.cast(read, pa.int32()))) < _HELD[1]).all():
            return _dates(read)
    for kind in (pa.timestamp("ns"), pa.timestamp("ns", "UTC")):
        try:  # And so is a whole column of one ISO form.
            read = pc.cast(filled, kind)
        except pa.ArrowInvalid:
            continue
        if kind.tz is None or not pc.any(pc.match_substring_regex(filled, r"[+-]\d\d:?\d\d$")).as_py():
            return _timestamps(read, what, timezone, dated)
    text = pl.Series(values=pl.from_arrow(filled), name="text")
    digits = text.str.contains(r"^-?\d{9,19}(\.\d+)?$")
    if digits.any() and (digits | (text == "")).all():
        return _numbers(text.cast(pl.Float64, strict=False) if text.str.contains(".", literal=True).any()
                        else text.cast(pl.Int64, strict=False), what)  # fmt: skip
    return _free(text, what, timezone, day_first)


def _dates(array: pa.ChunkedArray) -> Moments:
    days = pc.cast(pc.cast(array, pa.date32()), pa.int32())
    gone = _mask(pc.is_null(days))
    counted = np.asarray(pc.fill_null(days, 0), np.int64)
    far = np.abs(counted) > _HELD[1]
    reason = _reasons(far, "stamp is out of range")
    reason[gone] = "no stamp"
    wall = np.clip(counted, *_HELD) * _DAY
    usable = ~(far | gone)
    return Moments(wall, wall, usable, usable, reason, dated=True if usable.any() else None)


def _timestamps(array: pa.ChunkedArray, what: str, timezone: str | None, dated: bool | None) -> Moments:
    zone = array.type.tz
    years = pc.year(pc.cast(array, pa.timestamp(array.type.unit)))
    held = pc.fill_null(pc.and_(pc.greater(years, 1677), pc.less(years, 2262)), False)
    known = pc.cast(pc.if_else(held, array, None), pa.timestamp("ns", zone))
    reason = _reasons(~_mask(held), "stamp is out of range")
    reason[_mask(pc.is_null(array))] = "no stamp"
    stamps, usable = _nanoseconds(known), reason == ""
    if zone is not None:
        wall = _nanoseconds(pc.local_timestamp(known))
        return Moments(stamps, wall, _no(len(stamps)), _no(len(stamps)), reason)
    if (stamps % _DAY == 0).all() and dated is not False:
        return Moments(stamps, stamps, usable, usable, reason, dated=True if usable.any() else None)
    if dated:
        raise IngestError(
            f"Column {what!r} holds dates without a time at first, and times later on.",
            "Write all stamps one way, best as 2013-05-31 16:00:00.",
        )
    instant, doubt = _placed(stamps, what, timezone)
    reason = np.where(usable, doubt, reason)
    return Moments(instant, stamps, _no(len(stamps)), usable, reason, dated=False)


def _nanoseconds(array: pa.ChunkedArray) -> NDArray[np.int64]:
    return np.asarray(pc.fill_null(pc.cast(array, pa.int64()), 0), np.int64)


def _numbers(values: pl.Series, what: str) -> Moments:
    """Numbers since 1970, whose unit their size tells: 2001 to 2286 in seconds, 1973 to 5138 in the others."""
    numbers = values.cast(pl.Float64).fill_nan(None)
    gone = numbers.is_null().to_numpy()
    usual = float(numbers.abs().median() or 0)  # type: ignore[arg-type]
    if 19_000_101 <= usual <= 21_001_231:
        return _free(values.cast(pl.Int64, strict=False).cast(pl.String).fill_null(""), what, "UTC", None)
    if 0 < usual < 1e8:
        raise IngestError(
            f"Column {what!r} holds numbers such as {usual:g}, which are no stamps.",
            "Expected dates, times, or seconds (milli-, micro-, nanoseconds) since 1970; "
            "name another column with columns={'ts': ...}.",
        )
    unit, scale = next((each for each in _EPOCH_UNITS if usual < each[2]), _EPOCH_UNITS[-1])[:2]
    held = (numbers.abs() * scale < _LAST).fill_null(value=False).to_numpy()
    if values.dtype.is_float():
        stamps = (np.where(held, numbers.fill_null(0.0).to_numpy(), 0.0) * scale).round().astype(np.int64)
    else:
        stamps = np.where(held, values.cast(pl.Int64, strict=False).fill_null(0).to_numpy(), 0) * scale
    reason = _reasons(~held, "stamp is out of range")
    reason[gone] = "no stamp"
    none = _no(len(stamps))
    return Moments(stamps, stamps, none, none, reason, (f"{what}: read as {unit} since 1970",))


def _free(text: pl.Series, what: str, timezone: str | None, day_first: bool | None) -> Moments:
    """Any other form, part by part."""
    text = text.str.replace(
        r"^(\d{4})(\d\d)(\d\d)[ T](\d\d):?(\d\d):?(\d\d)?$", "$1-$2-$3 $4:$5:${6}"
    ).str.strip_chars_end(":")
    frame = text.to_frame("text").with_columns(
        pl.col("text").str.extract_groups(rf"(?:^|[\sT,;]){_CLOCK}{_ZONE}").struct.rename_fields(
            ["hour", "minute", "second", "fraction", "half", "zone"]).alias("clock"),
        pl.col("text").str.replace(rf"(?:^|[\sT,;]){_CLOCK}{_ZONE}", " ").str.strip_chars().alias("day"),
    )  # fmt: skip
    days, notes, day_first = read_days(frame["day"], what, day_first)
    clock = frame["clock"].struct.unnest()
    number = {name: clock[name].cast(pl.Int64, strict=False).fill_null(0) for name in ("hour", "minute", "second")}
    half = clock["half"].fill_null("").str.to_lowercase().str.slice(0, 1).to_numpy()
    hour = number["hour"].to_numpy()
    hour = np.where(half == "p", hour % 12 + 12, np.where(half == "a", hour % 12, hour))
    minute, second = number["minute"].to_numpy(), number["second"].to_numpy()
    fraction = clock["fraction"].fill_null("0").str.pad_end(9, "0").cast(pl.Int64).to_numpy()
    bare = clock["hour"].is_null().to_numpy()
    wall = (
        days.clip(*_HELD).fill_null(0).to_numpy() * _DAY
        + ((hour * 60 + minute) * 60 + second) * 1_000_000_000
        + fraction
    )
    wrong = ~days.is_between(*_HELD).fill_null(value=False).to_numpy() | (hour > 23) | (minute > 59) | (second > 59)
    instant, naive, reason = _zoned(wall, bare, clock["zone"].fill_null(""), what, timezone)
    reason[wrong] = np.array([f"stamp {each!r} is not understood" for each in text.filter(wrong)], object)
    reason[(text == "").to_numpy()] = "no stamp"
    read = reason == ""
    return Moments(instant, wall, bare & read, naive & read, reason, notes, day_first)


def _zoned(
    wall: NDArray[np.int64], bare: NDArray[np.bool_], zone: pl.Series, what: str, timezone: str | None
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.object_]]:
    """The instants of clocks that each name their zone, or none."""
    instant, naive = wall.copy(), np.ones(len(wall), np.bool_)
    reason = np.full(len(wall), "", object)
    written = zone.to_numpy()
    for name in zone.unique().to_list():
        rows = (written == name) & ~bare
        if not rows.any():
            continue
        meant = _ABBREVIATIONS.get(name, name)
        offset = re.fullmatch(r"([+-])(\d{2}):?(\d{2})?", meant)
        if offset:
            seconds = (int(offset[2]) * 60 + int(offset[3] or 0)) * 60 * (-1 if offset[1] == "-" else 1)
            instant[rows] = wall[rows] - seconds * 1_000_000_000
        elif not name and timezone is None and (written != "").any():
            reason[rows] = "names no time zone, as others do"
        elif name and name not in _ABBREVIATIONS:
            reason[rows] = f"zone {name!r} is not understood"
        else:
            instant[rows], reason[rows] = _placed(wall[rows], what, meant or timezone)
        naive[rows] = not name
    return instant, naive, reason


def _placed(wall: NDArray[np.int64], what: str, timezone: str | None) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """The instants of a zone's wall clock; a time that daylight saving skips or repeats gets a reason."""
    if timezone is None:
        raise IngestError(
            f"The times in {what!r} name no zone.", "Say which it is, such as timezone='America/New_York' or 'UTC'."
        )
    naive = pl.Series("wall", wall).cast(pl.Datetime("ns"))
    placed = naive.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
    sure = naive.dt.replace_time_zone(timezone, ambiguous="null", non_existent="null")
    reason = np.full(len(wall), "", object)
    reason[sure.is_null().to_numpy()] = f"this time happened twice in {timezone}: clocks went back"
    reason[placed.is_null().to_numpy()] = f"this time did not exist in {timezone}: clocks went forward"
    return placed.cast(pl.Int64).fill_null(0).to_numpy().copy(), reason


def _mask(array: pa.ChunkedArray) -> NDArray[np.bool_]:
    return np.asarray(array, np.bool_)


def _no(count: int) -> NDArray[np.bool_]:
    return np.zeros(count, np.bool_)


def _reasons(where: NDArray[np.bool_], text: str) -> NDArray[np.object_]:
    reason = np.full(len(where), "", object)
    reason[where] = text
    return reason
