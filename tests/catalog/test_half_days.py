"""Coverage on days that end at 13:00 in New York, as the exchange published them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from alphapulse_lib.catalog import schemas, writer
from alphapulse_lib.catalog.coverage import coverage
from alphapulse_lib.model.instrument import Instrument
from tests.resources.nyse import published

MINUTE = 60 * 10**9
HOUR = 60 * MINUTE

type Session = tuple[int, int]

#: The Friday after Thanksgiving of 2013 between its neighbours; the exchange closed at 13:00, which was 18:00 UTC.
BY_HAND = [
    ("2013-11-27 14:30", "2013-11-27 21:00"),
    ("2013-11-29 14:30", "2013-11-29 18:00"),
    ("2013-12-02 14:30", "2013-12-02 21:00"),
]


def by_hand() -> list[Session]:
    return [(pd.Timestamp(first).value, pd.Timestamp(last).value) for first, last in BY_HAND]


def short() -> list[list[Session]]:
    """Every short session of 2005-2022, each between the two beside it."""
    table = published()
    times = [table[each].to_numpy().astype(np.int64) for each in ("open", "close")]
    pairs = list(zip(*(each.tolist() for each in times), strict=True))
    first, last = pd.Timestamp("2005-01-01").value, pd.Timestamp("2023-01-01").value
    return [
        pairs[at - 1 : at + 2]
        for at, (opens, closes) in enumerate(pairs)
        if first < opens < last and closes - opens < 5 * HOUR
    ]


def write(root: Path, instrument: Instrument, period: str, stamps: np.ndarray) -> None:
    ts = pa.array(stamps, pa.int64()).cast(schemas.TIME)
    figures = dict.fromkeys(schemas.FIGURES, np.ones(len(ts)))
    writer.write_bars(root, instrument, period, pa.table(figures | {"ts": ts, "available_at": ts}), "x")


def minutes(sessions: list[Session]) -> np.ndarray:
    return np.concatenate([np.arange(opens + MINUTE, closes + 1, MINUTE) for opens, closes in sessions])


def judge(root: Path, name: str, sessions: list[Session]) -> None:
    """Whole minutes have no gap; the last hour before the early close is one; a day left out is one session."""
    whole, without_an_hour, without_the_day, days = (Instrument(f"{name}{letter}.XNYS") for letter in "ABCD")
    opens, closes = sessions[1]
    held = minutes(sessions)
    assert closes - opens == 3.5 * HOUR and len(held) == 390 + 210 + 390
    write(root, whole, "1m", held)
    complete = coverage(root, whole, "1m")
    assert complete.complete and complete.off_session == 0
    write(root, without_an_hour, "1m", held[(held <= closes - HOUR) | (held > closes)])
    (gap,) = coverage(root, without_an_hour, "1m").gaps.to_pylist()
    assert [gap[each].value for each in ("first", "last")] == [closes - HOUR, closes]
    assert (gap["sessions"], gap["bars"]) == (0, 60)
    write(root, without_the_day, "1m", held[(held <= opens) | (held > closes)])
    (gap,) = coverage(root, without_the_day, "1m").gaps.to_pylist()
    assert [gap[each].value for each in ("first", "last")] == [opens, closes]
    assert (gap["sessions"], gap["bars"]) == (1, 210)
    write(root, days, "1d", np.array([sessions[0][1], sessions[2][1]]))
    (gap,) = coverage(root, days, "1d").gaps.to_pylist()
    assert [gap[each].value for each in ("first", "last")] == [closes, closes]
    assert (gap["sessions"], gap["bars"]) == (1, 1)


def test_the_friday_after_thanksgiving(root: Path):
    judge(root, "FRI", by_hand())


def test_bars_after_an_early_close_are_beside_the_hours_and_no_gap(root: Path, aapl: Instrument):
    sessions = by_hand()
    late = np.arange(sessions[1][1] + MINUTE, sessions[1][1] + HOUR, MINUTE)
    write(root, aapl, "1m", np.concatenate([minutes(sessions), late]))
    found = coverage(root, aapl, "1m")
    assert found.complete and found.off_session == len(late)


def test_every_published_half_day(root: Path):
    known = short()
    assert len(known) > 25
    for number, sessions in enumerate(known):
        judge(root, f"H{number}", sessions)
