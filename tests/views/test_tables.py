"""Tables for terminals: what a cell says, where it stands, and how wide a line is."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from small_runs import kept

import alphapulse_lib as ap
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.views import tables

LESS = "\N{MINUS SIGN}"


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setenv("ALPHAPULSE_LEDGER", str(tmp_path))
    return Ledger(tmp_path)


def test_runs_are_told_as_traders_write_them_and_fit_a_terminal(ledger: Ledger) -> None:
    first = kept(ledger)
    kept(ledger, "failed", error="no")
    head, failed, whole, left = tables.runs(ap.runs()).splitlines()
    assert max(map(len, (head, failed, whole, left))) <= tables.WIDTH
    assert head.split("  ")[0] == "id" and head.endswith("started (UTC)")
    assert whole.split() == [
        *(first.id[:8], "SmaCross", "GOOG", "2024-01-02", "to", "2024-01-31", "5.21", "0.82", "1", f"{LESS}0.25%"),
        *("finished", "1970-01-01", "00:00"),
    ]
    assert failed.split()[6:] == ["—", "—", "—", "—", "failed", "1970-01-01", "00:00"]
    assert head.index("sharpe") + len("sharpe") == whole.index("5.21") + 4, "numbers stand at the right"
    assert left == "Left out for the width: period, end_equity, trades, user."


def test_a_run_that_is_no_trial_says_so(ledger: Ledger) -> None:
    kept(ledger, purpose="probe")
    assert "  finished, probe  " in tables.runs(ap.runs())


def test_a_sweep_s_trials() -> None:
    rows = {
        "fast": [5, 10],
        "slack": [0.1 + 0.2, 1.5],
        "sharpe": [0.841889, None],
        "return": [-0.090325, None],
        "drawdown": [-0.1, None],
        "trades": [1234, None],
        "error": ["", "ValueError: no"],
        "id": ["1f428a67" * 2] * 2,
    }
    frame = pd.DataFrame(rows).rename_axis("trial")
    assert tables.sweep(frame, "sharpe").splitlines() == [
        "trial  fast  slack  sharpe  return  drawdown  trades  error           id",
        f"    0     5    0.3    0.84  {LESS}9.03%   {LESS}10.00%   1,234  —               1f428a67",
        "    1    10    1.5       —       —         —       —  ValueError: no  1f428a67",
    ]
    lost = tables.sweep(frame.head(1).assign(drawdown=-1.5, **{"return": 0.8}), "sharpe")
    assert "80.00%" not in lost and f"{LESS}150.00%" in lost, "what a lost account came to is nobody's"
    assert "error" not in tables.sweep(frame.head(1), "sharpe")
    assert tables.sweep(frame.head(1), "sharpe", 40).splitlines() == [
        "fast  slack  sharpe  return  id",
        f"   5    0.3    0.84  {LESS}9.03%  1f428a67",
        "Left out for the width: trial, drawdown,",
        "trades.",
    ]
    assert "  return  " not in tables.sweep(frame.assign(total_return=frame["return"]), "total_return")
    assert "+12.34%" in tables.sweep(frame.head(1).assign(cagr=0.1234), "cagr")


def test_a_walk_forward_s_folds_and_how_much_its_parameters_changed() -> None:
    days = pd.to_datetime(["2012-01-03", "2012-07-02"])
    rows = {
        "from": days,
        "to": days,
        "fast": [5, None],
        "inside": [1.234, None],
        "return": [0.01, 0.0],
        "id": ["a", ""],
    }
    assert tables.walk_forward(pd.DataFrame(rows).rename_axis("fold"), "sharpe").splitlines() == [
        "fold  from        to          fast  inside  return  id",
        "   0  2012-01-03  2012-01-03     5    1.23  +1.00%  a",
        "   1  2012-07-02  2012-07-02     —       —   0.00%  —",
    ]
    chosen = {"parameter": ["fast"], "values": [2], "usual": [5], "share": [0.5], "mean": [7.5], "deviation": [2.5]}
    assert tables.stability(pd.DataFrame(chosen).set_index("parameter")).splitlines() == [
        "parameter  values  usual  share  mean  deviation",
        "fast            2      5    50%  7.50       2.50",
    ]


def test_a_text_that_is_long_is_cut_and_the_least_telling_columns_are_left_out() -> None:
    frame = pd.DataFrame({f"c{each}": ["x" * 30] for each in range(6)})
    told = tables.table(frame, {}, ("c0", "c4", "c2")).splitlines()
    assert told[1:] == ["  ".join(["x" * 23 + "…"] * 4), "Left out for the width: c0, c4."]
    assert max(map(len, told)) <= tables.WIDTH


def test_what_is_left_out_is_named_in_lines_that_are_no_wider_than_the_table() -> None:
    names = [f"column_{each}" for each in range(12)]
    told = tables.table(pd.DataFrame({each: ["x" * 20] for each in names}), {}, names, 50).splitlines()
    assert max(map(len, told)) <= 50
    assert " ".join(told[2:]) == f"Left out for the width: {', '.join(names[:-2])}."


def test_an_answer_rounds_nothing_of_its_numbers_away() -> None:
    columns = {
        "price": [1234.5, -0.25, None],
        "tiny": [1e-7, 2.0, float("nan")],
        "year": [2013, 2014, None],
        "day": [datetime(2020, 1, 2), datetime(2020, 1, 3), None],
        "at": [datetime(2020, 1, 2, 9, 30), datetime(2020, 1, 2, 9, 30, 1, 500_000), None],
        "large": [2**63, Decimal("-1.5"), None],
        "text": ["a " * 40, "", None],
        "so": [True, False, None],
    }
    head, first, second, third = tables.answer(list(columns), list(columns.values())).splitlines()
    assert first.split("  ")[0].strip() == "1,234.50"
    told = " ".join(first.split())
    assert told.startswith("1,234.50 1e-07 2013 2020-01-02 2020-01-02 09:30:00 9,223,372,036,854,775,808.00 a a a")
    assert told.endswith("a\N{HORIZONTAL ELLIPSIS} True")
    assert " ".join(second.split()) == (
        f"{LESS}0.25 2 2014 2020-01-03 2020-01-02 09:30:01.500000 {LESS}1.50 \N{EM DASH} False"
    )
    assert third.split() == ["\N{EM DASH}"] * 8
    assert head.split() == list(columns)
    assert head.index("price") + 5 == first.index("1,234.50") + 8, "numbers stand at the right"


def test_of_a_long_answer_the_two_ends_are_shown() -> None:
    numbers = list(range(100))
    lines = tables.answer(["n"], [numbers], 10).splitlines()
    assert [each.strip() for each in lines] == [*"n01234", "... 90 rows more ...", *map(str, range(95, 100))]
    assert len(tables.answer(["n"], [numbers]).splitlines()) == 101
    assert tables.answer([], []) == ""


def test_a_frame_names_the_zone_of_its_moments_and_keeps_its_texts() -> None:
    moments = pd.to_datetime(["2024-01-02 21:00", "2024-01-03 21:00:00.000000001"], format="ISO8601").tz_localize("UTC")
    found = pd.DataFrame(
        {
            "ts": moments,
            "volume": [1234567.0, None],
            "line": [5028, 12],
            "runs": [["a", "b"], []],
            "why": ["x" * 80, ""],
        }
    )
    head, first, second = tables.frame(found).splitlines()
    assert head.split() == ["ts", "(UTC)", "volume", "line", "runs", "why"]
    assert first.split() == ["2024-01-02", "21:00:00", "1,234,567", "5028", "a,", "b", "x" * 80]
    assert second.split() == ["2024-01-03", "21:00:00.000000001", "—", "12", "—", "—"]


def test_the_least_telling_columns_of_a_frame_are_cut_left_out_or_not_named() -> None:
    found = pd.DataFrame({"id": ["a" * 60], "long": ["b" * 70], "other": ["c" * 30], "url": [""]})
    assert tables.frame(found, 60, ("url", "other", "long")).splitlines() == [
        f"{'id':60}  long",
        f"{'a' * 60}  {'b' * 49}\N{HORIZONTAL ELLIPSIS}",
        "Left out for the width: other.",
    ]


def test_of_a_long_frame_the_ends_are_shown() -> None:
    shown = tables.frame(pd.DataFrame({"n": range(2000)}), 4).split()
    assert shown == ["n", "0", "1", "...", "1,996", "rows", "more", "...", "1,998", "1,999"]
