"""What is refused before a run: gaps and stamps, told with what to do."""

from __future__ import annotations

import numpy as np
import pytest

import alphapulse_lib as ap
from alphapulse_lib import errors
from alphapulse_lib.catalog.sessions import sessions
from tests.resources.toy_market import MINUTE, OPEN, SIX, Planned, write, write_minutes

DAY = 24 * 60 * MINUTE


def closes(first: str, count: int) -> np.ndarray:
    known = sessions("XNAS")
    start = int(np.searchsorted(known.days, np.datetime64(first)))
    return known.closes[start : start + count]


def backtest(period: str = "1d", **given: object):
    return ap.backtest(Planned, "TOY", period, params={"plan": {}}, progress=False, **given)


def test_a_few_missing_sessions_are_told() -> None:
    kept = np.delete(closes("2019-01-02", 250), [100, 101])
    write("TOY", "1d", kept, [SIX[0]] * len(kept))
    with pytest.warns(UserWarning, match="lacks 2 of 250 sessions: 2019-05-28, 2019-05-29"):
        run = backtest()
    assert "lacks 2 of 250 sessions" in run.log


def test_many_missing_sessions_are_refused_unless_allowed() -> None:
    kept = np.delete(closes("2019-01-02", 250), np.arange(100, 120))
    write("TOY", "1d", kept, [SIX[0]] * len(kept))
    with pytest.raises(errors.CoverageGap, match=r"lacks 20 of 250 sessions(.|\n)*gaps='allow'"):
        backtest()
    with pytest.warns(UserWarning, match="lacks 20"):
        backtest(gaps="allow")


def test_a_window_that_is_not_held_whole_is_told() -> None:
    """Of XNAS's calendar: 2019-01-02 was a Wednesday, and the four days before it that are asked for were sessions."""
    kept = closes("2019-01-02", 20)
    write("TOY", "1d", kept, [SIX[0]] * len(kept))
    with pytest.warns(UserWarning, match="is held: 1d of TOY from 2019-01-02 to 2019-01-30, without 4 sessions"):
        run = backtest(start="2018-12-26")
    assert len(run.warnings) == 1
    with pytest.warns(UserWarning, match="without 2 sessions"):
        backtest(start="2019-01-02", end="2019-02-03")  # a Thursday and a Friday, then the weekend
    with pytest.warns(UserWarning, match="without 1 session"):
        backtest(end="2019-02-05", as_of="2019-01-31")
    for asked in ({}, {"start": "2019-01-01"}, {"end": "2019-01-30"}, {"end": "2019-02-03", "as_of": "2019-01-30"}):
        assert backtest(**asked).warnings == ()


def test_whole_sessions_without_minutes_are_a_gap() -> None:
    stamps = [OPEN + DAY * day + MINUTE * n for day in (0, 1, 2, 14, 15) for n in (1, 2)]
    write_minutes("TOY", [SIX[0]] * len(stamps), closes=stamps)
    with pytest.raises(errors.CoverageGap, match="lacks 7 of 12 sessions"):
        backtest("1m")


@pytest.mark.parametrize(("shift", "words"), [("midnight", "at midnight"), ("opens", "at the session's open")])
def test_daily_bars_that_are_not_stamped_at_closes_are_refused(shift: str, words: str) -> None:
    known = sessions("XNAS")
    days = known.days[-300:-250]
    stamps = known.opens[-300:-250] if shift == "opens" else days.astype("datetime64[ns]").astype(np.int64)
    write("TOY", "1d", stamps, [SIX[0]] * 50)
    with pytest.raises(errors.WrongStamps, match=words):
        backtest()
