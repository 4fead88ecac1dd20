"""Against a published list of the New York Stock Exchange's sessions, and days by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alphapulse_lib.catalog import sessions as sessions_module
from alphapulse_lib.catalog.sessions import close_of, open_of, sessions
from alphapulse_lib.errors import InputError

PUBLISHED = Path(__file__).parents[2] / ".." / "shared" / "data" / "calendar_xnys.csv.gz"


def nanoseconds(text: str) -> int:
    return int(pd.Timestamp(text).value)


@pytest.mark.skipif(not PUBLISHED.exists(), reason="../shared/data/calendar_xnys.csv.gz is not here")
def test_every_published_session_with_its_open_and_close():
    published = pd.read_csv(PUBLISHED)
    day = pd.to_datetime(published.iloc[:, 0]).to_numpy().astype("datetime64[D]")
    known = sessions("XNYS")
    known = known[(known.days >= day[0]) & (known.days <= day[-1])]
    assert (known.days == day).all()
    times = {name.lower(): name for name in published.columns}
    for name, ours in (("open", known.opens), ("close", known.closes)):
        column = next(times[key] for key in times if key.endswith(name) and "break" not in key)
        theirs = pd.to_datetime(published[column], utc=True).dt.tz_localize(None).to_numpy("datetime64[ns]")
        assert (ours == theirs.astype(np.int64)).all()


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
