"""Runs side by side: which, in what they differ, and their curves."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import small_runs
from markupsafe import escape

from alphapulse_lib.errors import Conflict, UnknownTarget
from alphapulse_lib.hub_client.runs import KeptRun
from alphapulse_lib.model.family import Family
from alphapulse_lib.model.run import FILLED, FILLS, Costs, Fill, RunRecord
from alphapulse_lib.results.ledger import Ledger
from hub.dashboards.compare import Comparison, Side, differing, growth
from hub.dashboards.ledger import row
from hub.dashboards.page import Page, Services
from hub.dashboards.run_page import RunPage
from hub.dashboards.runs import Runs, runs
from hub.dashboards.templating import render
from hub.dashboards.visitor import Visitor

ANN = Visitor("ann", is_admin=False, token="t0k3n", session="s")


class Held:
    """The API's runs, out of a ledger; of some their files."""

    def __init__(self, ledger: Ledger, records: list[RunRecord], without: int = 0) -> None:
        self._ledger, self._records, self._bare = ledger, records, records[len(records) - without :]

    def get(self, run_id: str) -> KeptRun:
        found = [each for each in self._records if each.id.startswith(run_id)]
        if len(found) != 1:
            raise (Conflict if found else UnknownTarget)("no", "")
        files = () if found[0] in self._bare else tuple(found[0].artefacts.values())
        return KeptRun(found[0], Family("SmaCross", {}), files)

    def download(self, run_id: str, name: str, path: Path) -> None:
        shutil.copy(self._ledger.file(run_id, name), path)


def shown(folder: Path, compare: str, held: Held | None = None) -> tuple[Page, dict[str, str]]:
    """The page of an address, and its widgets' HTML: those that tell of the runs, without whom they are shared with."""
    page = runs(ANN, Services("http://127.0.0.1:9", folder), {"compare": compare})
    page.api.client.runs = held  # type: ignore[assignment]

    async def load() -> dict[str, str]:
        return {name: await each.load() for name, each in page.widgets.items() if name != "shares"}

    return page, asyncio.run(load())


def test_the_address_decides_which_page_it_is(tmp_path: Path):
    services = Services("http://127.0.0.1:9", tmp_path)
    kinds = {"": Runs, "id": RunPage, "compare": Comparison}
    assert all(type(runs(ANN, services, {name: "ab,cd"})) is kind for name, kind in kinds.items())


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (" , ", "No run is named."),
        ("ab,ab", "This is one run."),
        ("a,b,c,d,e,f,1", "These are 7 runs."),
        ("ab,../x", "'../x' is no id of a run."),
        ("ab,<b>", "'<b>' is no id of a run."),
    ],
)
def test_what_cannot_be_compared_is_said_and_nothing_is_asked_for(tmp_path: Path, asked: str, said: str):
    page, widgets = shown(tmp_path, asked)
    assert page.shell() == {"wrong": said}
    assert widgets == {}


def test_two_runs_stand_side_by_side_with_their_curves(tmp_path: Path):
    ledger = Ledger(tmp_path)
    both = [small_runs.kept(ledger, parameters={"fast": fast, "slow": 20, "<b>": 1}) for fast in (5, 6)]
    _, widgets = shown(tmp_path, ",".join(each.id for each in both), Held(ledger, both))
    table, curves = widgets["sides"], widgets["curves"]
    for word in (
        "Return",
        "Sharpe",
        "Deflated",
        "Trials",
        "Drawdown",
        "Round trips",
        "Commission",
        "Fills",
        "1.50 USD",
    ):
        assert word in table
    assert table.count("next open</span>, 2") == 2
    assert "fast" in table
    assert "slow" not in table
    assert curves.count('<path class="line line-') == 2
    assert "A SmaCross GOOG" in curves
    assert "is not drawn" not in curves


def test_the_curves_of_months_stand_at_their_days(tmp_path: Path):
    ledger = Ledger(tmp_path)
    both = [small_runs.kept(ledger, parameters={"fast": fast}, period="1mo") for fast in (5, 6)]
    _, widgets = shown(tmp_path, ",".join(each.id for each in both), Held(ledger, both))
    assert "session by session" in widgets["curves"]
    assert "2024-01-03 16:00" not in widgets["curves"]


def marked(table: str) -> list[str]:
    """What the rows are called that are marked as differing."""
    rows = re.findall(r'<tr class="apart"><th[^>]*>([^<]*?) <span aria-hidden="true">\*</span>(.*?)</th>', table)
    assert all(spoken == '<span class="hidden">, differs</span>' for _, spoken in rows)
    assert len(rows) == table.count('class="apart"') == table.count(", differs</span>")
    return [label for label, _ in rows]


@pytest.mark.parametrize(
    ("changes", "rows"),
    [
        ({}, []),
        ({"parameters": {"fast": 5, "slow": 20}}, ["fast"]),
        ({"fill": "close"}, ["Fills"]),
        ({"name": "__main__:Other", "fill": "vwap", "cash": 5.0}, ["Strategy", "spec: cash", "Fills"]),
        ({"instruments": ("AAPL.XNAS",), "end": small_runs.moment("2024-01-20 00:00")}, ["Names", "Window"]),
    ],
)
def test_what_runs_do_not_share_is_marked_in_words_too(tmp_path: Path, changes: dict[str, Any], rows: list[str]):
    ledger = Ledger(tmp_path)
    both = [small_runs.kept(ledger), small_runs.kept(ledger, **changes)]
    _, widgets = shown(tmp_path, ",".join(each.id for each in both), Held(ledger, both))
    assert marked(widgets["sides"]) == rows
    assert ("Marked * is what they do not share." in widgets["sides"]) is bool(rows)
    assert ("the libraries are the same." in widgets["sides"]) is not bool(rows)


def test_a_run_of_before_defaults_were_recorded_is_compared_by_what_was_given():
    def side(number: int, environment: dict[str, str], **parameters: int) -> Side:
        spec = small_runs.spec(parameters=parameters)
        record = RunRecord(f"{number}", spec.id, spec, "finished", "trial", "ann", 1, 2, environment)
        return Side(number, KeptRun(record, Family("", {}), ()))

    now = {"defaults": '{"slow": 20, "levels": [1, 2]}'}
    assert differing([side(1, now, fast=5), side(2, {"defaults": '{"slow": 20, "levels": [1, 3]}'}, fast=5)]) == [
        ("levels", ["[1, 2]", "[1, 3]"])
    ]
    for before in ({}, {"defaults": "<b>"}, {"defaults": "[1]"}):
        assert differing([side(1, now, fast=5), side(2, before, fast=5)]) == []
        assert differing([side(1, now, fast=5), side(2, before, fast=5, slow=30)]) == [("slow", ["20", "30"])]
        assert differing([side(1, before, fast=5), side(2, now, fast=6)]) == [("fast", ["5", "6"])]


def test_the_trials_of_a_comparison_are_those_until_now(tmp_path: Path):
    ledger = Ledger(tmp_path)
    both = [small_runs.kept(ledger, parameters={"fast": fast}) for fast in (5, 6)]
    _, widgets = shown(tmp_path, ",".join(each.id for each in both), Held(ledger, both))
    assert (
        '<th scope="row" class="left" title="Distinct specs of the family that anybody tried until now">Trials</th>'
        in (widgets["sides"])
    )


@pytest.mark.parametrize("fill", FILLS)
def test_each_fill_convention_is_named_as_the_tearsheet_names_it(tmp_path: Path, fill: Fill):
    ledger = Ledger(tmp_path)
    both = [small_runs.kept(ledger, fill=each) for each in (fill, "next_open")]
    _, widgets = shown(tmp_path, ",".join(each.id for each in both), Held(ledger, both))
    group = {"family": "", "rows": [row(each, Family("SmaCross", {})) for each in both]}
    table = render("runs_table", groups=[group], more=False, count=2, most=6)
    name = escape(FILLED[fill].removeprefix("at the "))
    meaning = escape(FILLS[fill])
    for html in (widgets["sides"], table):
        assert f'title="{meaning}">{name}</span>' in html
        assert html.count(">next open</span>") == (2 if fill == "next_open" else 1)


def test_a_run_without_its_files_and_one_that_is_unknown_are_said(tmp_path: Path):
    ledger = Ledger(tmp_path)
    both = [small_runs.kept(ledger, parameters={"fast": fast}) for fast in (5, 6)]
    _, widgets = shown(tmp_path, f"{both[0].id},{both[1].id},{'f' * 30}", Held(ledger, both, without=1))
    assert f"The ledger holds no run {'f' * 30}." in widgets["sides"]
    assert "The others are below." in widgets["sides"]
    assert widgets["curves"].count('<path class="line line-') == 1
    assert "its files are not here" in widgets["curves"]


def test_one_run_that_is_left_is_no_comparison(tmp_path: Path):
    ledger = Ledger(tmp_path)
    one = small_runs.kept(ledger)
    for asked in (f"{one.id},{'f' * 30}", f"{one.id},{one.id[:12]}"):
        _, widgets = shown(tmp_path, asked, Held(ledger, [one]))
        assert "Nothing is left to compare." in widgets["sides"]
        assert "<table" not in widgets["sides"]
        assert widgets["curves"] == ""


def test_what_differs_is_told_with_every_run_s_value():
    def side(number: int, **changes: Any) -> Side:
        spec = small_runs.spec(**changes)
        record = RunRecord(f"{number}", spec.id, spec, "finished", "trial", "ann", 1, 2, {})
        return Side(number, KeptRun(record, Family("", {}), ()))

    same = [side(1), side(2)]
    assert differing(same) == []
    assert differing([]) == []
    others = [side(1, parameters={"period": 1}), side(2, parameters={"period": "x" * 99}, costs=Costs(), cash=5.0)]
    assert differing(others) == [
        ("period", ["1", "x" * 80]),
        ("costs: per_share", ["0.01", "0"]),
        ("spec: cash", ["100,000", "5"]),
    ]


def test_growth_is_equity_over_the_starting_cash_and_a_file_that_is_none_is_none(tmp_path: Path):
    path = tmp_path / "equity.parquet"
    ts = pd.to_datetime(["2024-01-03", "2024-01-02"], utc=True)
    pd.DataFrame({"ts": ts, "equity": [150.0, 100.0]}).to_parquet(path)
    curve = growth(path, 100.0)
    assert curve is not None
    assert curve.tolist() == [1.0, 1.5]
    pd.DataFrame({"ts": ts[:0], "equity": []}).to_parquet(path)
    assert growth(path, 100.0) is None
    pd.DataFrame({"other": [1]}).to_parquet(path)
    assert growth(path, 100.0) is None
    path.write_bytes(b"no parquet")
    assert growth(path, 100.0) is None


@pytest.mark.parametrize("count", [0, 1, 2, 6, 7])
def test_the_table_leads_to_the_comparison_of_two_to_six(tmp_path: Path, count: int):
    page = Runs(ANN, Services("http://127.0.0.1:9", tmp_path), {})
    said: list[tuple[str, dict[str, Any]]] = []
    page.tell = lambda kind, **more: said.append((kind, more))  # type: ignore[method-assign]
    ids = [f"{number}a" for number in range(count)]
    fields = {f"pick-{each}": each for each in ids} | {"pick-x": "other"}
    asyncio.run(page.act("compare", "", fields))
    if 2 <= count <= 6:
        assert said == [("go", {"to": "runs?compare=" + ",".join(ids)})]
    else:
        assert [(kind, more["tone"]) for kind, more in said] == [("note", "bad")]
