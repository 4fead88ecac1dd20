"""Running a run again: the same spec is asked for, or it is said why it cannot be."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args

import pytest
import small_runs

from alphapulse_lib.model.run import Costs, RunRecord
from alphapulse_lib.model.window import FOREVER, Window
from hub.api.schedules.backtests import Backtest, CostName
from hub.dashboards import again
from hub.dashboards.remote import TroubleError
from hub.dashboards.templating import render

SHIPPED = "alphapulse_lib.engine.strategies.sma_cross:SmaCross"


def record(**changes: Any) -> RunRecord:
    spec = small_runs.spec(**({"name": SHIPPED} | changes))
    return RunRecord("ab", spec.id, spec, "finished", "trial", "ada", 1, 2, {})


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2010-01-04", "2010-03-14"),  # the clock is changed on that day
        (None, None),
        ("2010-01-04T09:30:00.25-05:00", "2010-01-05T16:00-05:00"),
        ("2010-01-04T21:00:00.000000001Z", "2010-03-01T21:00Z"),  # a fold of a walk-forward
    ],
)
def test_what_is_asked_for_bounds_the_same_window(start: str | None, end: str | None):
    window = Window.of(start, end, "America/New_York")
    given = again.asked(record(start=window.start, end=window.end))
    assert Window.of(given["start"], given["end"], "America/New_York") == window


@pytest.mark.parametrize(
    ("start", "end"), [("2023-01-01", "2023-12-31"), (None, "2024-02-29"), ("2023-01-01T00:00+00:00", None)]
)
def test_days_of_what_never_closes_bound_the_same_window(start: str | None, end: str | None):
    window = Window.of(start, end, by_close=True)
    given = again.asked(record(instruments=("COIN.CRYPTO",), start=window.start, end=window.end))
    assert Window.of(given["start"], given["end"], by_close=True) == window
    assert given["end"] == end


def test_the_api_takes_it_and_nothing_of_the_spec_is_left_out():
    costs = Costs.preset("ibkr-pro-tiered", per_share=0.01, maximum=0.0, borrow_percent=3)
    told = record(parameters={"fast": 5, "slow": 60}, costs=costs, fill="close", cash=5e4, dividends=True)
    given = again.asked(told)
    taken = Backtest.model_validate({"strategy": given}).asked().parameters
    assert taken["strategy"] == SHIPPED
    assert (taken["symbols"], taken["period"], taken["cash"]) == (["GOOG.XNAS"], "1d", 5e4)
    assert taken["params"] == {"fast": 5, "slow": 60}
    assert (taken["fill"], taken["dividends"], Costs.from_dict(taken["costs"])) == ("close", True, costs)
    assert again.asked(record())["dividends"] is False
    assert told.spec.end < FOREVER


def test_every_cost_can_be_asked_for():
    assert set(get_args(CostName)) == {each.name for each in fields(Costs)}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"name": "__main__:Mine"}, "defined in a notebook of ada's workspace"),
        ({"name": "mine:Mine"}, "defined in mine, a file of ada's workspace"),
        ({"seed": 7}, "with the seed 7"),
        ({"as_of": 10**18}, "known at a moment of the past"),
        ({"scorer": "somebody's"}, "on the scores of somebody's"),
    ],
)
def test_what_cannot_be_asked_for_says_why(changes: dict[str, Any], why: str):
    with pytest.raises(TroubleError, match=why):
        again.asked(record(**changes))


def test_who_cannot_run_it_again_here_is_told_what_does():
    for name in ("__main__:Mine", "mine:Mine"):
        with pytest.raises(TroubleError) as refused:
            again.asked(record(name=name))
        assert "`alphapulse rerun ab`" in refused.value.hint
        assert refused.value.hint.endswith("ap.rerun('ab'); elsewhere define the class first and add strategy=Mine.")
    with pytest.raises(TroubleError) as refused:
        again.asked(record(seed=7))
    assert refused.value.hint == "In a notebook ap.rerun('ab') does it."


def test_a_record_without_a_seed_of_its_own_can_be_run_again():
    assert again.asked(replace(record(), user="bob"))["name"] == SHIPPED


def test_the_command_that_runs_it_again_is_shown_as_code():
    with pytest.raises(TroubleError) as refused:
        again.asked(record(name="__main__:<b>Mine"))
    shown = render("run_tools", id="ab", why=f"{refused.value.message} {refused.value.hint}")
    assert "is run again by <code>alphapulse rerun ab</code>, or in" in shown
    assert "&lt;b&gt;Mine cannot be run again" in shown
    assert "`" not in shown


def test_why_it_cannot_be_run_again_reads_on_where_there_is_code_in_it(browser: Any):
    """Each piece of the sentence stood in a column of its own."""
    with pytest.raises(TroubleError) as refused:
        again.asked(record(name="__main__:Mine"))
    shown = render("run_tools", id="ab", why=f"{refused.value.message} {refused.value.hint}")
    style = (Path(again.__file__).parent / "assets" / "style.css").read_text()
    page = browser.new_page(viewport={"width": 400, "height": 600})
    page.set_content(f"<style>{style}</style><div class='tools'>{shown}</div>")
    code, whole = (page.locator(each).bounding_box() for each in ("#why code", "#why"))
    assert code["height"] < whole["height"] / 2, "the command stands in the text's lines"
    page.close()


@pytest.mark.parametrize(
    ("template", "more"),
    [
        ("error", {"name": "n", "since": 1}),
        ("stale", {"name": "n", "good_at": 1}),
        ("wrong", {}),
        ("run_none", {}),
    ],
)
def test_a_command_in_a_refusal_is_shown_as_code(template: str, more: dict[str, Any]):
    shown = render(template, said="No <i>bars</i> of `GOOG`.", hint="`alphapulse ingest <file>` brings them.", **more)
    assert "No &lt;i&gt;bars&lt;/i&gt; of <code>GOOG</code>." in shown
    assert "<code>alphapulse ingest &lt;file&gt;</code> brings them." in shown


def test_backticks_without_a_pair_stay_as_they_are():
    shown = render("run_changed", said="`one` and `<two")
    assert "<p>`one` and `&lt;two</p>" in shown
