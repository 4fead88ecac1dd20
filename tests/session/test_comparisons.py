"""`ap.compare`: what specs do not share is marked, numbers stand beside each other, a failed run among them."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import pytest
from nautilus_trader.model import BarType, OrderSide
from nautilus_trader.trading import Strategy
from typer.testing import CliRunner

import alphapulse_lib as ap
from alphapulse_lib import errors
from alphapulse_lib.cli import app
from alphapulse_lib.views import numbers
from tests.resources.toy_market import Planned, PlannedConfig, write_minutes

CHROMIUM = shutil.which("chromium")
#: What JupyterLab 4 says of tables in an output.
LAB = """
.jp-RenderedHTMLCommon table { border-collapse: collapse; table-layout: fixed; margin: 0 auto 1em; font-size: 12px; }
.jp-RenderedHTMLCommon td, .jp-RenderedHTMLCommon th, .jp-RenderedHTMLCommon tr {
  vertical-align: middle; padding: 0.5em; line-height: normal; white-space: normal; max-width: none; border: none; }
:not(.jp-RenderedMarkdown).jp-RenderedHTMLCommon td, :not(.jp-RenderedMarkdown).jp-RenderedHTMLCommon th,
:not(.jp-RenderedMarkdown).jp-RenderedHTMLCommon tr { text-align: right; }
.jp-RenderedHTMLCommon th { font-weight: bold; }
"""


class Falls(Strategy):
    """Fails on its first bar, in words that must not become HTML."""

    def __init__(self, config: PlannedConfig) -> None:
        super().__init__(config)
        self._bars = config.bar_type

    def on_start(self) -> None:
        self.subscribe_bars(self._bars)

    def on_bar(self, _bar: Any) -> None:
        raise ValueError("<b>broken</b>")


def made(plan: dict[str, int], strategy: type = Planned, **more: Any) -> Any:
    return ap.backtest(strategy, "TOY", "1m", params={"plan": plan}, progress=False, **more)


@pytest.fixture
def three() -> list[Any]:
    """Two that differ in convention, costs and parameters, and one that failed."""
    write_minutes("TOY")
    one = made({"1": 100, "3": -100})
    two = made({"1": 100, "4": -100}, fill="close", costs={"per_share": 0.01})
    with pytest.raises(errors.StrategyRaised) as failed:
        made({"1": 100, "3": -100}, Falls)
    return [one, two, ap.run(failed.value.run_id)]


def test_the_same_spec_run_twice_has_nothing_apart() -> None:
    write_minutes("TOY")
    found = ap.compare([made({"1": 100}), made({"1": 100})])
    assert found.differing == {}, "what a run took, or was estimated to take, is nothing that it rests on"


@dataclass(frozen=True)
class HoldingConfig:
    """With a parameter that is made of another one, and a member of an enumeration."""

    bar_type: BarType
    fast: int = 10
    slow: int | None = None
    levels: tuple[int, ...] = (1, 2)
    side: OrderSide = OrderSide.BUY

    def __post_init__(self) -> None:
        if self.slow is None:
            object.__setattr__(self, "slow", 2 * self.fast)


class Holding(Strategy):
    """Trades nothing."""

    def __init__(self, config: HoldingConfig) -> None:
        super().__init__(config)
        self._bars = config.bar_type

    def on_start(self) -> None:
        self.subscribe_bars(self._bars)


class Refusing(Holding):
    """Fails on its first bar."""

    def on_bar(self, _bar: Any) -> None:
        raise ValueError("no")


def held(strategy: type = Holding, **params: Any) -> Any:
    return ap.backtest(strategy, "TOY", "1m", params=params, progress=False)


def test_a_parameter_left_at_its_default_is_told_with_what_the_run_ran_with() -> None:
    write_minutes("TOY")
    runs = [held(), held(fast=10, slow=20), held(slow=30), held(fast=7)]
    swept = ap.sweep(Holding, "TOY", "1m", grid={"fast": [8]}, progress=False)
    with pytest.raises(errors.StrategyRaised) as failed:
        held(Refusing, fast=6)
    assert ap.compare(runs[:2]).differing == {}, "the default, and the same value given"
    assert [(each.kind, each.name) for each in ap.diff(*runs[:2]).all] == []
    found = ap.compare([*runs, swept.trials[0].record.id, failed.value.run_id])
    assert found.differing["fast"] == ["10", "10", "10", "7", "8", "6"]
    assert found.differing["slow"] == ["20", "20", "30", "14", "16", "12"]
    assert {"levels", "side"}.isdisjoint(found.differing)
    told = ap.diff(runs[0], runs[2]).first
    assert (told.kind, told.name, told.one, told.other) == ("parameter", "slow", "20", "30")


@dataclass(frozen=True)
class NamedAlikeConfig:
    """With parameters that are called what lines of every comparison are."""

    window: int = 20
    fill: str = "open"
    trades: int = 1


class NamedAlike(Strategy):
    def __init__(self, config: NamedAlikeConfig) -> None:
        super().__init__(config)


def test_a_parameter_called_as_a_line_of_every_comparison_stands_beside_it() -> None:
    write_minutes("TOY")
    runs = [held(NamedAlike), held(NamedAlike, window=30, fill="middle", trades=2)]
    found = ap.compare(runs)
    assert found.differing == {
        "parameter: window": ["20", "30"],
        "parameter: fill": ["open", "middle"],
        "parameter: trades": ["1", "2"],
    }
    lines = [line.split() for line in found.text.splitlines()]
    assert ["fill", "next_open", "next_open"] in lines and ["trades", "0", "0"] in lines
    assert next(line for line in lines if line[0] == "window")[1] == "2020-03-02", "the run's, which they share"
    assert found.frame.loc[("spec", "parameter: window")].tolist() == ["20", "30"]


def test_costs_and_settings_left_at_their_default_are_told_too() -> None:
    write_minutes("TOY")
    one, other = made({"1": 100}), made({"1": 100}, costs={"impact_bps": 5}, dividends=True)
    found = ap.compare([one, other]).differing
    assert found["costs: impact_bps"] == ["0", "5"]
    told = {each.name: (each.one, each.other) for each in ap.diff(one, other).all}
    assert told["costs.impact_bps"] == ("0.0", "5")


class Rows(HTMLParser):
    """The rows of a table: their cells, and whether they are marked."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[bool, list[str]]] = []
        self._in_cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.found.append(("class" in dict(attrs), []))
        if tag in ("th", "td"):
            self.found[-1][1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag not in ("th", "td")

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.found[-1][1][-1] += data


def test_what_specs_do_not_share_is_named_and_nothing_else(three: list[Any]) -> None:
    found = ap.compare(three)
    assert found.differing["fill"] == ["next_open", "close", "next_open"]
    assert found.differing["costs: per_share"] == ["0", "0.01", "0"]
    assert found.differing["plan"] == ["{'1': 100, '3': -100}", "{'1': 100, '4': -100}", "{'1': 100, '3': -100}"]
    assert found.differing["strategy"] == ["Planned", "Planned", "Falls"], "classes alone tell them apart"
    assert {"instruments", "window", "spec: cash", "python"}.isdisjoint(found.differing)


def test_a_run_that_failed_stands_among_them_without_numbers(three: list[Any]) -> None:
    frame = ap.compare([each.id for each in three]).frame
    assert ap.compare(three[0], *(each.id for each in three[1:])).text == ap.compare(three).text
    assert frame.columns.tolist() == [each.id for each in three]
    assert frame.loc[("result", "status")].tolist() == ["finished", "finished", "failed"]
    # Bought at 120 and sold at 130; at the closes of the same bars, 100.5 and 126, less 2 x 1.00.
    assert frame.loc[("result", "end_equity")].tolist()[:2] == [101_000.0, 102_548.0]
    assert frame.loc[("result", "end_equity")].tolist()[2] is None


def test_trials_are_counted_as_they_are_now(three: list[Any]) -> None:
    found = ap.compare(three)
    trials = [int(each.deflated["trials"]) for each in three[:2]]
    assert trials[0] > three[0].stats["trials"] == 1, "others came after it"
    assert found.frame.loc[("result", "trials")].tolist()[:2] == trials
    now = [each.deflated["deflated_sharpe"] for each in three[:2]]
    assert found.frame.loc[("result", "deflated_sharpe")].tolist()[:2] == pytest.approx(now, nan_ok=True)
    lines = {line.split()[0]: line.split()[1:] for line in found.text.splitlines()[1:] if not line.startswith("*")}
    assert lines["trials"][:2] == [str(each) for each in trials]
    assert len(lines["deflated_sharpe"]) == 3


def test_runs_that_have_no_room_beside_others_stand_below_them(three: list[Any]) -> None:
    found = ap.compare(three)
    assert found.within(500) == found.text
    narrow = found.within(80).splitlines()
    assert max(map(len, narrow)) <= 80
    heads = [line.split() for line in narrow if line.startswith("  " * 5)]
    assert heads == [[each.id[:8] for each in three[:2]], [three[2].id[:8]]]
    alone = found.within(40).split("\n\n")
    assert max(map(len, "\n".join(alone).splitlines())) <= 40
    spoken = {name: found.frame.loc[("result", name)].tolist() for name in ("sharpe", "trades")}
    for at, (each, part) in enumerate(zip(three, alone, strict=True)):
        assert part.splitlines()[0] == each.id[:8]
        assert f"  sharpe  {numbers.ratio(spoken['sharpe'][at])}" in part.splitlines()
        assert not any(line.endswith(("-", "_")) for line in part.splitlines()), "torn within a word"


def test_in_a_terminal_and_in_a_notebook_the_same_rows_are_marked(three: list[Any]) -> None:
    found = ap.compare(three)
    starred = {line[2:].partition("  ")[0].strip() for line in found.text.splitlines() if line.startswith("* ")}
    assert starred == set(found.differing)
    html = found._repr_html_()
    rows = Rows(html).found
    assert {cells[0].removesuffix(" *") for marked, cells in rows if marked} == set(found.differing)
    assert rows[0][1] == ["", *(each.id[:8] for each in three)]
    returns = next(cells for _, cells in rows if cells[0] == "total_return")
    assert returns[1:] == ["+1.00%", "+2.55%", "\N{EM DASH}"]
    assert "<b>broken" not in html


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's browser: apt-get install chromium")
def test_in_jupyterlab_names_stand_at_the_left_and_whole(three: list[Any]) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 900, "height": 900})
        shown = f'<div class="jp-RenderedHTMLCommon jp-RenderedHTML">{ap.compare(three)._repr_html_()}</div>'
        tab.set_content(f"<style>{LAB}</style>{shown}")
        names = tab.locator("tbody th")
        aligned = names.evaluate_all("(all) => all.map((each) => getComputedStyle(each).textAlign)")
        cut = names.evaluate_all(
            """(all) => all.filter((each) => {
              const words = document.createRange(); words.selectNodeContents(each);
              const [text, box] = [words.getBoundingClientRect(), each.getBoundingClientRect()];
              return text.left < box.left || text.right > box.right; }).map((each) => each.textContent)"""
        )
        browser.close()
    assert set(aligned) == {"left"}
    assert cut == []


def test_one_run_is_compared_with_none(three: list[Any]) -> None:
    with pytest.raises(errors.InputError, match="One run is compared with none"):
        ap.compare(three[0])
    with pytest.raises(errors.InputError, match="One run is compared with none"):
        ap.compare([three[0]])
    with pytest.raises(errors.InputError, match="No run is given"):
        ap.compare([])
    with pytest.raises(errors.UnknownRun):
        ap.compare([three[0], "f" * 12])
    # A number is the beginning of an id, too: of one digit, every fourth time that of one of the three.
    with pytest.raises(errors.UnknownRun, match="no run 987654321"):
        ap.compare(three[0], 987_654_321)


def test_the_command_line_compares_three(three: list[Any]) -> None:
    ids = [each.id for each in three]
    answer = CliRunner().invoke(app, ["compare", *ids, "--json"])
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.stdout)
    assert [each["id"] for each in told["runs"]] == ids
    assert told["differing"]["fill"] == ["next_open", "close", "next_open"]
    shown = CliRunner().invoke(app, ["compare", *(each[:8] for each in ids)])
    assert "* fill" in shown.stdout
    assert "  trades" in shown.stdout
