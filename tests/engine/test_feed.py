"""What the engine is fed with: open moments, forward ratios, fingerprints."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from alphapulse_lib.catalog import reader
from alphapulse_lib.catalog.fingerprints import of_bars as fingerprint
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.engine.feed import forward, open_moments
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window
from tests.resources.toy_market import MINUTE, OPEN, SIX, write_minutes

NONE = np.empty(0, np.int64)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp()) * 10**9


def test_a_minute_bar_opens_a_minute_before_its_close() -> None:
    ts = np.array([OPEN + MINUTE, OPEN + 2 * MINUTE, OPEN + 5 * MINUTE])
    opens = open_moments(ts, Period(1, "m"), NONE)
    assert (opens - OPEN).tolist() == [0, MINUTE, 4 * MINUTE]


def test_a_sessions_short_last_bar_does_not_open_before_the_bar_before_it_closed() -> None:
    ts = np.array([OPEN + 60 * MINUTE, OPEN + 90 * MINUTE])
    assert (open_moments(ts, Period(1, "h"), NONE) - OPEN).tolist() == [0, 60 * MINUTE]


def test_a_daily_bar_opens_with_its_session_also_on_half_days_and_over_a_clock_change() -> None:
    closes = ["2013-03-08T21:00Z", "2013-03-11T20:00Z", "2013-07-03T17:00Z", "2013-07-05T20:00Z", "2013-11-04T21:00Z"]
    opens = ["2013-03-08T14:30Z", "2013-03-11T13:30Z", "2013-07-03T13:30Z", "2013-07-05T13:30Z", "2013-11-04T14:30Z"]
    found = open_moments(np.array([at(each) for each in closes]), Period(1, "d"), sessions("XNAS").opens)
    assert found.tolist() == [at(each) for each in opens]


def test_a_weekly_bar_opens_with_its_first_session() -> None:
    # Monday 2013-05-27 was Memorial Day.
    ts = np.array([at("2013-05-24T20:00Z"), at("2013-05-31T20:00Z")])
    found = open_moments(ts, Period(1, "w"), sessions("XNAS").opens)
    assert found.tolist() == [at("2013-05-20T13:30Z"), at("2013-05-28T13:30Z")]


def test_splits_count_from_the_first_bar_on() -> None:
    ts = np.array([10, 20, 30, 40])
    assert forward(ts, [(5, 7.0), (15, 2.0), (35, 0.1)]).tolist() == [1, 2, 2, 0.2]


def test_a_fingerprint_is_of_the_rows_read() -> None:
    toy = write_minutes("TOY")
    roots, minute = Roots.of_settings(), Period(1, "m")
    first = reader.bar_table(roots, toy.id, minute, Window(OPEN, OPEN + 3 * MINUTE))
    write_minutes("TOY", [*SIX, (1, 1, 1, 1)])
    again = reader.bar_table(roots, toy.id, minute, Window(OPEN, OPEN + 3 * MINUTE))
    assert fingerprint(first) == fingerprint(again)
    assert fingerprint(pa.concat_tables([first.slice(0, 1), first.slice(1)])) == fingerprint(first)
    assert fingerprint(first.slice(1)) != fingerprint(first)
    digest = hashlib.sha256()
    for name, width in (("open", 16), ("high", 16), ("low", 16), ("close", 16), ("volume", 16), ("ts_event", 8)):
        whole = first[name].combine_chunks()
        offset = whole.offset * width
        digest.update(name.encode() + whole.buffers()[1].to_pybytes()[offset : offset + len(whole) * width])
    assert fingerprint(first) == digest.hexdigest()
