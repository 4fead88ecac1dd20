"""What a run is called where a person is told of it: the strategy, the symbols and the window, and its id in short."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from alphapulse_lib.errors import AlphaPulseError
from alphapulse_lib.model.canonical import from_values
from alphapulse_lib.model.instrument import VENUES
from alphapulse_lib.model.run import RunRecord
from alphapulse_lib.model.window import FOREVER
from hub.api.ledger.schema import RUNS

__all__ = ["target_in_words", "title"]

#: Symbols that are named.
_SYMBOLS = 3


def title(connection: Connection, run_id: str) -> str:
    """Such as ``SmaCross on GOOG 1d, 2011-01-01 to 2012-12-31 (run 3f2a9c0d)``; of one that cannot be read, its id."""
    record = connection.execute(select(RUNS.c.record).where(RUNS.c.id == run_id)).scalar()
    try:
        return _title(from_values(json.loads(record or "")))
    except (AlphaPulseError, ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError):
        return f"run {run_id[:8]}"  # the record is its writer's


def target_in_words(connection: Connection, target: str) -> str:
    """What a comment is about: a run by its title, anything else by its name."""
    kind, _, name = target.partition(":")
    return title(connection, name) if kind == "run" else target


def _title(record: RunRecord) -> str:
    spec = record.spec
    symbols = record.symbols
    named = ", ".join(symbols[:_SYMBOLS]) + (f" and {len(symbols) - _SYMBOLS} more" if len(symbols) > _SYMBOLS else "")
    return f"{spec.strategy.name.rpartition(':')[2]} on {named} {spec.period}{_window(record)} (run {record.id[:8]})"


def _window(record: RunRecord) -> str:
    """From its first day to its last at the exchange: as asked for, or as read where that was open."""
    spec = record.spec
    start = spec.start if spec.start > 0 else min((each.first - 1 for each in record.series), default=0)
    end = spec.end if spec.end < FOREVER else max((each.last - 1 for each in record.series), default=0)
    venue = VENUES.get(spec.instruments[0].rpartition(".")[2])
    if venue and venue.over_midnight and spec.end < FOREVER:
        end -= 1  # a bar that closes at midnight is of the day that ends then
    zone = ZoneInfo(venue.timezone if venue else "UTC")
    if start <= 0 or end <= 0:
        return ""
    first, last = (f"{datetime.fromtimestamp(each // 10**9, UTC).astimezone(zone):%Y-%m-%d}" for each in (start, end))
    return f", {first} to {last}"
