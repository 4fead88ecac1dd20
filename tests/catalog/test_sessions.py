"""Against the New York Stock Exchange's sessions as they follow from what it published, and days by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alphapulse_lib.catalog import sessions as sessions_module
from alphapulse_lib.catalog.sessions import close_of, open_of, sessions
from alphapulse_lib.errors import InputError
from tests.resources.nyse import FIRST, LAST, published


def nanoseconds(text: str) -> int:
    return int(pd.Timestamp(text).value)


def test_every_published_session_with_its_open_and_close():
    theirs = published()
    days = theirs.index.to_numpy("datetime64[D]")
    known = sessions("XNYS")
    known = known[(known.days >= np.datetime64(FIRST)) & (known.days <= np.datetime64(LAST))]
    assert np.array_equal(known.days, days)
    assert len(days) > 8_500
    assert np.array_equal(known.opens, theirs["open"].to_numpy().astype(np.int64))
    assert np.array_equal(known.closes, theirs["close"].to_numpy().astype(np.int64))


def test_known_days():
    days = np.array(["2013-07-03", "2013-07-04", "2013-07-05", "2012-10-29", "2001-09-12"], "datetime64[D]")
    assert close_of("XNAS", days).tolist() == [
        nanoseconds("2013-07-03 17:00"),  # 13:00 in New York
        -1,
        nanoseconds("2013-07-05 20:00"),
        -1,  # hurricane Sandy
        -1,
    ]
    assert open_of("XNAS", days)[0] == nanoseconds("2013-07-03 13:30")


def test_a_day_beyond_the_calendar_is_no_session():
    assert close_of("XNYS", np.array(["1969-12-31", "2200-01-03"], "datetime64[D]")).tolist() == [-1, -1]


def test_markets_that_never_close():
    assert (np.diff(sessions("CRYPTO").closes) == 86_400 * 10**9).all()


def test_tokyo_begins_where_its_calendar_does():
    assert str(sessions("XTKS").days[0]) == "1997-01-06"


def test_an_unknown_venue():
    with pytest.raises(InputError, match="Unknown venue 'NOPE'"):
        sessions("NOPE")


def test_a_calendar_is_computed_once_and_a_torn_copy_is_computed_again(tmp_path: Path):
    sessions_module._of_calendar.cache_clear()
    first = sessions_module.sessions("XLON")
    (kept,) = (tmp_path / "home" / "cache").iterdir()
    before = kept.read_bytes()
    for content in (before, before[: len(before) // 2], b""):
        kept.write_bytes(content)
        sessions_module._of_calendar.cache_clear()
        again = sessions_module.sessions("XLON")
        assert (again.days == first.days).all()
        assert (again.opens == first.opens).all() and (again.closes == first.closes).all()
    assert kept.read_bytes() != b""
