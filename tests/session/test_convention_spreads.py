"""`ap.convention_spread`: every convention is run as a probe, worked out by hand, and told by the tearsheet."""

from __future__ import annotations

import json
import re

import pytest
from command_line import alphapulse

import alphapulse_lib as ap
from alphapulse_lib import errors
from alphapulse_lib.views import tearsheet
from tests.resources.toy_market import MINUTE, OPEN, SIX, Planned, write_minutes, write_trades


def planned(plan: dict[str, int], **more: object) -> ap.session.runs.SessionRun:
    return ap.backtest(Planned, "TOY", "1m", params={"plan": plan}, cash=1_000_000, progress=False, **more)


def test_every_convention_is_run_as_a_probe_and_agrees_with_a_hand_computation() -> None:
    write_minutes("TOY")
    rows = [(OPEN + n * MINUTE + MINUTE // 2, bar[0], 30) for n, bar in enumerate(SIX)]
    write_trades("TOY", sorted([*rows, *((OPEN + n * MINUTE, bar[3], 10) for n, bar in enumerate(SIX, 1))]))
    run = planned({"1": 700, "3": -700})
    found = ap.convention_spread(run, progress=False)
    weighted = (30 * 130 + 10 * 126 - 30 * 120 - 10 * 121) / 40
    # After the first and the third close the first trade is that at the half of the minute.
    by_hand = {"next_open": 130 - 120, "close": 140.5 - 100.5, "next_close": 126 - 121, "vwap": weighted}
    by_hand["ticks"] = 130 - 120
    listed = found.frame.set_index("fill")
    for fill, gained in by_hand.items():
        assert listed.end_equity[fill] == pytest.approx(1_000_000 + 700 * gained, abs=0.005), fill
        assert listed.total_return[fill] == pytest.approx(700 * gained / 1_000_000)
    assert found.range == (pytest.approx(0.0035), pytest.approx(0.028))
    assert found.why_wide == "more than a quarter of the result hangs on it"
    assert found.refused == {}
    assert found.runs["next_open"].id == run.id
    records = [each.record for fill, each in found.runs.items() if fill != "next_open"]
    assert {(each.purpose, each.of, each.environment["probe"]) for each in records} == {
        ("probe", run.id, "another fill convention")
    }
    assert run.family.trials == 1
    assert ap.run(run.id).conventions.range == found.range


def test_the_tearsheet_leads_with_a_wide_range_and_names_the_command_where_nobody_asked() -> None:
    write_minutes("TOY")
    run = planned({"1": 700, "3": -700})
    before = tearsheet.body(run)
    assert f"not probed: ap.convention_spread(&#39;{run.id[:8]}&#39;)" in before
    assert "The fill convention decides" not in before
    found = ap.convention_spread(run, progress=False)
    after = tearsheet.body(ap.run(run.id))
    lead = re.search(r'<p class="notice"><b>(.*?)</b>(.*?)</p>', after)
    assert lead
    assert lead[1] == "The fill convention decides: +0.35% to +2.80%."
    assert f"at the next close (run {found.runs['next_close'].id[:8]})" in lead[2]
    # A probe's own tearsheet tells the same.
    assert "The fill convention decides: +0.35% to +2.80%." in tearsheet.body(found.runs["close"])


def test_an_account_that_was_lost_and_came_back_counts_as_lost() -> None:
    write_minutes("TOY")
    plan = {"1": -700, "5": 700}
    with pytest.warns(UserWarning, match="The run held up to"):
        run = ap.backtest(Planned, "TOY", "1m", params={"plan": plan}, cash=25_000, progress=False)
    found = ap.convention_spread(run, progress=False)
    listed = found.frame.set_index("fill")
    # Sold at 100.5 and marked at 140.5, then bought back at 111; otherwise sold at 120 or 121.
    assert listed.lost.to_dict() == {fill: fill == "close" for fill in listed.index}
    assert listed.end_equity["close"] == pytest.approx(25_000 - 700 * 10.5)
    assert found.range == (-1.0, pytest.approx(700 * (121 - 115.25) / 25_000))
    assert found.why_wide == "one earns where another loses its account"
    assert "total return lost to +16.10% by fill convention" in found.text
    sheet = tearsheet.body(found.runs["close"])
    assert "<b>The fill convention decides: lost to +16.10%.</b>" in sheet
    assert "by fills lost to +16.10%" in sheet and "signal&#39;s close lost; " in sheet
    assert "29.40%" not in sheet.partition("<section>")[0] + found.text + found._repr_html_()


def test_a_convention_that_cannot_be_run_is_named_with_the_reason() -> None:
    write_minutes("TOY")
    found = ap.convention_spread(Planned, "TOY", "1m", params={"plan": {}}, progress=False)
    assert list(found.runs) == ["next_open", "close", "next_close"]
    assert list(found.refused) == ["vwap", "ticks"]
    assert "and none are held" in found.refused["vwap"]
    assert "No trades and no quotes of TOY.XNAS are held" in found.refused["ticks"]
    assert (found.range, found.wide) == ((0.0, 0.0), False)
    assert "Not at the next bar's volume-weighted price: The 1m bars of TOY.XNAS have no" in found.text
    assert "convention spread" in found._repr_html_()
    assert ap.runs(purpose="trial").empty


def test_a_run_has_its_arguments_and_a_result() -> None:
    write_minutes("TOY")
    run = planned({})
    with pytest.raises(errors.InputError, match="arguments already"):
        ap.convention_spread(run, "TOY")
    with pytest.raises(errors.UnknownRun):
        ap.convention_spread("f" * 16)


def test_from_a_terminal() -> None:
    write_minutes("TOY")
    wide = ap.backtest("SmaCross", "TOY", "1m", params={"fast": 1, "slow": 2}, cash=10_000, progress=False)
    done = alphapulse("convention-spread", wide.id[:8], "--json")
    told = json.loads(done.stdout)
    assert done.returncode == (3 if told["wide"] else 0), done.stderr
    assert [each["fill"] for each in told["conventions"]] == ["next_open", "close", "next_close", "vwap", "ticks"]
    assert told["of"] == wide.id
    assert told["lowest"] == min(each["total_return"] for each in told["conventions"] if not each["refused"])
