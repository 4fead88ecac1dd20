from __future__ import annotations

import pandas as pd
import pytest

from alphapulse_lib.errors import InputError, ReversedWindow
from alphapulse_lib.query.calendar import sessions


def test_thanksgiving_week():
    frame = sessions("XNAS", "2013-11-25", "2013-11-29")
    assert list(frame.columns) == ["session", "open", "close"]
    assert frame["session"].dt.strftime("%d").tolist() == ["25", "26", "27", "29"]
    assert frame["open"].tolist() == [pd.Timestamp(f"2013-11-{day} 14:30", tz="UTC") for day in (25, 26, 27, 29)]
    assert frame["close"].iloc[-1] == pd.Timestamp("2013-11-29 18:00", tz="UTC")


def test_both_days_are_included_and_days_without_a_session_have_none():
    assert len(sessions("XNYS", "2013-07-04", "2013-07-04")) == 0
    assert len(sessions("XNYS", "2013-07-05", "2013-07-05")) == 1


def test_what_cannot_be_asked():
    with pytest.raises(ReversedWindow):
        sessions("XNYS", "2013-07-05", "2013-07-04")
    with pytest.raises(InputError, match="Known venues"):
        sessions("NOPE")
