"""`ap.rerun` and `ap.diff`: a run made again comes out the same, and where two differ is named."""

from __future__ import annotations

import importlib
import linecache
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from nautilus_trader.model import Bar, ClientOrderId, OrderSide, Quantity

import alphapulse_lib as ap
from alphapulse_lib import errors
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.results.kept_code import kept_code
from alphapulse_lib.session.differences import RunDifference
from alphapulse_lib.session.runs import open_ledger
from alphapulse_lib.settings import settings
from alphapulse_lib.views import cards
from hub.dashboards import run_page
from hub.dashboards.templating import render
from tests.resources.toy_market import MINUTE, OPEN, SIX, Planned, write_minutes

PLAN = {"plan": {"1": 7, "3": -7}}


def planned(**more):
    return ap.backtest(Planned, "TOY", "1m", params=PLAN, progress=False, **more)


def changed(row: int, close: float) -> list[tuple[float, ...]]:
    """The six minutes with another close of one of them."""
    bars = list(SIX)
    opened, high, low, _ = bars[row]
    bars[row] = (opened, max(high, close), low, close)
    return bars


def test_a_rerun_is_identical_and_no_trial() -> None:
    write_minutes("TOY")
    run = planned(costs={"per_share": 0.01})
    again = ap.rerun(run.id[:8], progress=False)
    assert again.identical
    assert again.text.startswith(f"{run.id[:8]} and {again.run.id[:8]} are identical: 2 orders, 2 fills, 6 moments")
    assert (again.run.record.purpose, again.run.record.of) == ("rerun", run.id)
    assert again.run.record.spec_id == run.record.spec_id
    pd.testing.assert_frame_equal(again.run.fills, run.fills, check_exact=True)
    assert run.family.trials == 1


def test_a_rerun_reads_the_catalog_as_it_was_recorded_then() -> None:
    write_minutes("TOY")
    run = planned()
    write_minutes("TOY", changed(1, 150.0))
    assert ap.rerun(run, progress=False).identical
    fresh = planned()
    found = ap.diff(run, fresh)
    assert (found.first.kind, found.first.one, found.first.other) == (
        "data",
        "high 122, close 121",
        "high 150, close 150",
    )
    assert found.first.name == "TOY.XNAS-1-MINUTE-LAST-EXTERNAL 2020-03-02 14:32:00 UTC"
    assert found.first.detail == "1 rows differ."
    assert not found.identical


def test_an_appended_bar_changes_nothing_of_a_run_with_an_end() -> None:
    write_minutes("TOY")
    window = {"start": pd.Timestamp(OPEN, tz="UTC"), "end": pd.Timestamp(OPEN + 6 * MINUTE, tz="UTC")}
    run = planned(**window)
    write_minutes("TOY", [(1.0, 1.0, 1.0, 1.0)], closes=[OPEN + 7 * MINUTE])
    assert ap.diff(run, planned(**window)).all == ()
    assert ap.rerun(run, progress=False).identical


NOTEBOOK = """
import alphapulse_lib as ap
from nautilus_trader.model import OrderSide, Quantity
import helper
from tests.resources.toy_market import PlannedConfig
from nautilus_trader.trading import Strategy

SHARES = 3
class Cell(Strategy):
    def __init__(self, config: PlannedConfig):
        super().__init__(config)
    def on_start(self):
        self.subscribe_bars(self.config.bar_type)
    def on_bar(self, bar):
        self.submit_order(self.order_factory.market(
            self.config.instrument_id, OrderSide.BUY, Quantity.from_int(helper.twice(SHARES))))
run = ap.backtest(Cell, "TOY", "1m", params={"plan": {}}, progress=False)
print(run.id, run.fills.quantity[0])
"""


def test_a_run_says_that_a_row_it_read_has_changed_since_and_nothing_of_what_was_appended() -> None:
    write_minutes("TOY")
    run = planned()
    assert (run.changes, ap.run(run.id).changes) == ((), ())
    write_minutes("TOY", [*SIX, *SIX])
    assert ap.run(run.id).changes == (), "rows that came after the last one it read are no change"
    assert "have changed since" not in cards.text(ap.run(run.id))
    write_minutes("TOY", [*changed(1, 150.0), *SIX])
    later = ap.run(run.id)
    assert [(each.name.partition("-")[0], each.rows, each.first) for each in later.changes] == [
        ("TOY.XNAS", 1, OPEN + 2 * MINUTE)
    ]
    said = (
        "Data this run read have changed since: 1 row of TOY, first at 2020-03-02 09:32 EST. "
        f"`alphapulse rerun {run.id[:8]}` reads them as recorded then."
    )
    assert said in cards.text(later)
    shown = said.replace("`", "<code>", 1).replace("`", "</code>")
    assert shown in Path(later.tearsheet()).read_text()
    assert ap.rerun(run.id, progress=False).identical


def test_what_repeats_a_run_tells_what_it_read_itself() -> None:
    """A rerun and a probe read the catalog as of the run that they repeat, and not as of their own start."""
    write_minutes("TOY")
    run = planned()
    write_minutes("TOY", changed(1, 150.0))
    again = ap.rerun(run, progress=False).run
    probes = ap.convention_spread(run, progress=False).frame["run_id"]
    for each in (again, *(ap.run(name) for name in probes if name not in ("", run.id))):
        assert [(change.rows, change.first) for change in each.changes] == [(1, OPEN + 2 * MINUTE)]
        assert each.changes == ap.run(each.id).changes
    assert ap.diff(again, planned()).first.one == "high 122, close 121"
    assert ap.rerun(again, progress=False).text.partition(" are ")[2].startswith("identical")
    made = pd.Timestamp(run.record.started_at, tz="UTC").tz_convert("America/New_York")
    assert f"read_as_of</td><td>{made:%Y-%m-%d %H:%M:%S %Z}" in re.sub(
        r"<(t.) [^>]*>", r"<\1>", Path(again.tearsheet()).read_text()
    )


def test_a_run_says_that_its_series_is_gone() -> None:
    write_minutes("TOY")
    run = planned()
    root = Path(Roots.of_settings().team)
    shutil.rmtree(root / "data" / "bars" / run.record.series[0].name)
    assert [(each.name, each.rows) for each in ap.run(run.id).changes] == [(run.record.series[0].name, None)]
    said = "rows of TOY, which this catalog no longer tells. No rerun can read them."
    assert said in cards.text(ap.run(run.id))
    assert said in run_page.changed_since(run.record)


def test_the_hubs_page_of_a_run_says_so_too() -> None:
    write_minutes("TOY")
    run = planned()
    assert run_page.changed_since(run.record) == ""
    write_minutes("TOY", changed(1, 150.0))
    shown = render("run_changed", said=run_page.changed_since(run.record))
    assert f"1 row of TOY, first at 2020-03-02 09:32 EST. <code>alphapulse rerun {run.id[:8]}</code> reads" in shown


def test_a_run_is_made_again_when_its_notebook_and_what_that_imported_are_gone(tmp_path: Path) -> None:
    write_minutes("TOY")
    helper = tmp_path / "helper.py"
    helper.write_text("def twice(value):\n    return value * 2\n")
    script = tmp_path / "mine.py"
    script.write_text(NOTEBOOK)
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    run_id, quantity = done.stdout.split()
    assert quantity == "6.0"
    script.unlink()
    helper.unlink()
    again = ap.rerun(run_id, progress=False)
    assert again.identical, again.text
    assert again.run.fills.quantity[0] == 6.0
    kept = ap.run(run_id)
    assert kept.code["__main__.SHARES"] == "3"
    assert kept.code["helper"] == "def twice(value):\n    return value * 2\n"


def test_code_that_is_not_here_is_not_made_up(tmp_path: Path) -> None:
    write_minutes("TOY")
    run = planned()
    ledger = settings().ledger_root
    path = ledger / "code" / f"{run.spec.strategy.digest}.pickle"
    assert kept_code(ledger, run.spec.strategy.digest)
    path.unlink()
    theirs = replace(run.record.spec.strategy, name="desk.sma:Sma")
    record = replace(run.record, id="ab" * 8, user="bob", spec=replace(run.spec, strategy=theirs))
    record = replace(record, spec_id=record.spec.id)
    open_ledger().append(record)
    shutil.copytree(ledger / "runs" / run.id, ledger / "runs" / record.id)
    with pytest.raises(errors.StrategyUnusable, match=r"desk\.sma:Sma as bob ran it is not here") as refused:
        ap.rerun("ab" * 8, progress=False)
    assert "strategy=Sma" in refused.value.hint
    assert ap.rerun("ab" * 8, strategy=Planned, progress=False).run.fills.equals(run.fills)


class Bold(Planned):
    """Buys a share more."""

    def on_bar(self, bar) -> None:
        self._seen += 1
        if self._seen == 1:
            self.submit_order(self.order_factory.market(self._id, OrderSide.BUY, Quantity.from_int(8)))


def test_each_kind_of_difference_is_named() -> None:
    write_minutes("TOY")
    run = planned()
    other = ap.backtest(Planned, "TOY", "1m", params={"plan": {"1": 8, "3": -8}}, progress=False)
    found = ap.diff(run, other)
    assert (found.first.kind, found.first.name) == ("parameter", "plan")
    assert {"orders", "fills", "equity", "statistic"} <= {*found.frame["kind"]}
    (fill,) = (each for each in found.all if each.kind == "fills")
    assert (fill.one, fill.other) == ("quantity 7.0", "quantity 8.0")
    statistics = [each.name for each in found.all if each.kind == "statistic"]
    named = [line.split()[3].rstrip(":") for line in found.text.splitlines() if line.startswith("  then in statistic")]
    assert named == [each for each in statistics if each in ("end_equity", "max_drawdown", "sharpe", "total_return")]
    assert f"  and in {len(statistics) - len(named)} more statistics, " in found.text
    idle = ap.diff(run, ap.backtest(Planned, "TOY", "1m", params={"plan": {}}, progress=False))
    assert "symbol TOY, side buy, quantity 7.0, average_price 120.0, status filled ... | — (2 and 0 rows.)" in idle.text
    assert max(map(len, idle.text.splitlines())) < 180
    costly = ap.diff(run, planned(costs={"percent": 0.1}))
    assert "end_equity: " in costly.text and not re.search(r"[1-9]\d{10}", costly.text)
    assert (costly.first.kind, costly.first.name, costly.first.other) == ("setting", "costs.percent", "0.1")
    late = ap.diff(run, planned(start="2020-03-02", end="2020-03-02 09:36", as_of="2024-05-06 12:00"))
    assert {"setting start: open | 2020-03-02", "setting as_of: \N{EM DASH} | 2024-05-06 16:00 UTC"} <= _lines(late)
    assert "setting end: open | 2020-03-02 09:36 America/New_York" in _lines(late)
    bold = ap.diff(run, ap.backtest(Bold, "TOY", "1m", params=PLAN, progress=False))
    assert bold.first.kind == "code"
    assert "+class Bold(Planned):" in bold.text
    assert ap.diff(run, run).text.startswith(f"{run.id[:8]} and {run.id[:8]} are identical")


class Broken(Planned):
    """Raises on its third bar."""

    def on_bar(self, bar) -> None:
        super().on_bar(bar)
        if self._seen == 3:
            raise ValueError("no third bar")


def test_a_changed_article_and_a_changed_score_are_named_and_no_rerun_reads_them(writable_sample: Path) -> None:
    run = ap.backtest("NewsSentiment", "AAPL", "1d", "2012-12-03", "2013-03-01", progress=False)
    rows = "article_id,source,published_at,available_at,headline,body,symbols,url\n"
    told = "sample-2013-01-23-aapl-1,sample,2013-01-23T21:30Z,2013-01-24T15:00Z,"
    told += "Apple has record sales and strong growth,,AAPL,\n"
    (writable_sample.parent / "articles.csv").write_text(rows + told)
    report = ap.ingest("files", writable_sample.parent / "articles.csv", kind="articles")
    assert report.restated == 1
    later = ap.backtest("NewsSentiment", "AAPL", "1d", "2012-12-03", "2013-03-01", progress=False)
    found = ap.diff(run, later).first
    assert (found.kind, found.name, found.one) == ("data", "news AAPL.XNAS", "\N{EM DASH}")
    assert "Apple has record sales and strong growth" in found.other
    assert "2013-01-24 15:00:00" in found.other
    first = pd.Timestamp("2013-01-24T15:00Z").value
    assert [(each.name, each.rows, each.first) for each in ap.run(run.id).changes] == [("news", 1, first)]
    assert ap.rerun(run, progress=False).identical
    assert ap.rerun(later, progress=False).identical


IDEA = """
from tests.resources.toy_market import Planned
from desk_sizes import times

TIMES = 1

class Idea(Planned):
    def on_bar(self, bar):
        for _ in range(times() * TIMES):
            super().on_bar(bar)
            self._seen -= 1
        self._seen += 1
"""


@pytest.fixture
def forget() -> Iterator[Callable[[], None]]:
    """What lets the two modules of the next test be loaded anew; after it they are gone."""

    def forgotten() -> None:
        for name in ("desk_idea", "desk_sizes"):
            sys.modules.pop(name, None)

    yield forgotten
    forgotten()


def test_a_changed_import_and_a_changed_global_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget: Callable[[], None]
) -> None:
    write_minutes("TOY")
    monkeypatch.setattr(sys, "path", [*sys.path])
    made = []
    for times, constant in ((1, 1), (2, 1), (2, 3)):
        forget()
        (tmp_path / "desk_sizes.py").write_text(f"def times():\n    return {times}  # per bar\n")
        (tmp_path / "desk_idea.py").write_text(IDEA.replace("TIMES = 1", f"TIMES = {constant}"))
        importlib.invalidate_caches()
        shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)
        linecache.clearcache()
        made.append(ap.backtest(f"{tmp_path / 'desk_idea.py'}:Idea", "TOY", "1m", params=PLAN, progress=False))
    one, other, third = made
    assert [each.fills.quantity.abs().sum() for each in made] == [14, 28, 84]
    imported = ap.diff(one, other).first
    assert (imported.kind, imported.name) == ("code", "desk_sizes.times")
    assert (imported.one, imported.other) == ("return 1  # per bar", "return 2  # per bar")
    captured = ap.diff(other, third).first
    assert (captured.kind, captured.name, captured.one, captured.other) == ("code", "desk_idea.TIMES", "1", "3")
    for each in made:
        assert ap.rerun(each, progress=False).identical


AT_SECOND_HAND = """
import desk_middle
from tests.resources.toy_market import Planned
class Idea(Planned):
    def on_bar(self, bar):
        self.units = desk_middle.shares()
        super().on_bar(bar)
    def submit_order(self, order, *rest, **named):
        more = type(order.quantity).from_int(int(order.quantity) * self.units)
        order = self.order_factory.market(order.instrument_id, order.side, more)
        super().submit_order(order, *rest, **named)
"""


def test_what_an_import_imports_counts_and_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget: Callable[[], None]
) -> None:
    write_minutes("TOY")
    monkeypatch.setattr(sys, "path", [*sys.path])
    made = []
    for times in (1, 7):
        forget()
        for name in ("desk_middle", "desk_far"):
            sys.modules.pop(name, None)
        (tmp_path / "desk_far.py").write_text(f"def units():\n    return {times}\n")
        (tmp_path / "desk_middle.py").write_text("from desk_far import units\ndef shares():\n    return units()\n")
        (tmp_path / "desk_idea.py").write_text(AT_SECOND_HAND)
        importlib.invalidate_caches()
        shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)
        linecache.clearcache()
        made.append(ap.backtest(f"{tmp_path / 'desk_idea.py'}:Idea", "TOY", "1m", params=PLAN, progress=False))
    one, other = made
    assert other.fills.quantity.abs().sum() == 7 * one.fills.quantity.abs().sum()
    assert one.spec.id != other.spec.id
    first = ap.diff(one, other).first
    assert (first.kind, first.name, first.one, first.other) == ("code", "desk_far", "return 1", "return 7")
    for each in ("desk_far", "desk_middle", "desk_idea"):
        (tmp_path / f"{each}.py").unlink()
        sys.modules.pop(each, None)
    again = ap.rerun(one, progress=False)
    assert again.identical, again.text


LATELY = """
from tests.resources.toy_market import Planned
class Idea(Planned):
    def on_bar(self, bar):
        import desk_late
        self.units = desk_late.units()
        super().on_bar(bar)
    def submit_order(self, order, *rest, **named):
        more = type(order.quantity).from_int(int(order.quantity) * self.units)
        super().submit_order(self.order_factory.market(order.instrument_id, order.side, more), *rest, **named)
"""


def test_what_a_function_imports_while_it_runs_counts_and_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget: Callable[[], None]
) -> None:
    """It was no part of the spec: two runs of one spec differed, and a rerun ran what the file said by then."""
    write_minutes("TOY")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "desk_late", raising=False)
    (tmp_path / "desk_idea.py").write_text(LATELY)
    forget()
    made = []
    for times in (1, 7):
        (tmp_path / "desk_late.py").write_text(f"def units():\n    return {times}\n")
        shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)
        idea = importlib.import_module("desk_idea").Idea
        made.append(ap.backtest(idea, "TOY", "1m", params=PLAN, progress=False))
    one, other = made
    assert other.fills.quantity.abs().sum() == 7 * one.fills.quantity.abs().sum()
    assert one.spec.id != other.spec.id
    assert one.code["desk_late"] == "def units():\n    return 1\n"
    first = ap.diff(one, other).first
    assert (first.kind, first.name, first.one, first.other) == ("code", "desk_late", "return 1", "return 7")
    assert ap.rerun(one, progress=False).identical, "though its file says another thing now"
    (tmp_path / "desk_late.py").unlink()
    for each in made:
        again = ap.rerun(each, progress=False)
        assert again.identical, again.text


def test_who_imports_by_a_computed_name_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget: Callable[[], None]
) -> None:
    write_minutes("TOY")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "desk_late", raising=False)
    (tmp_path / "desk_late.py").write_text("def units():\n    return 2\n")
    computed = "import importlib; desk_late = importlib.import_module('desk_' + 'late')"
    (tmp_path / "desk_idea.py").write_text(LATELY.replace("import desk_late", computed))
    forget()
    idea = importlib.import_module("desk_idea").Idea
    with pytest.warns(UserWarning, match="imported desk_late by a name that it computes"):
        run = ap.backtest(idea, "TOY", "1m", params=PLAN, progress=False)
    assert "desk_late" not in run.code


def test_trials_import_what_was_counted_though_its_file_is_edited_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget: Callable[[], None]
) -> None:
    write_minutes("TOY")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "desk_late", raising=False)
    (tmp_path / "desk_late.py").write_text("def units():\n    return 1\n")
    edits = "open(desk_late.__file__, 'w').write('def units():\\n    return 7\\n')"
    (tmp_path / "desk_idea.py").write_text(LATELY.replace("self.units = ", f"{edits}\n        self.units = "))
    forget()
    idea = importlib.import_module("desk_idea").Idea
    found = ap.sweep(idea, "TOY", "1m", grid={"plan": [{"1": 100, "4": -100}, {"2": 100, "4": -100}]}, progress=False)
    assert [run.fills.quantity.tolist() for run in (ap.run(each.record.id) for each in found.trials)] == [
        [100, 100],
        [100, 100],
    ]
    assert "return 7" in (tmp_path / "desk_late.py").read_text()


SETTING = """
import desk_levels
from desk_levels import doubled
from tests.resources.toy_market import Planned
class Idea(Planned):
    def on_bar(self, bar):
        import desk_late
        self.units = desk_levels.LEVEL + doubled() + desk_late.MORE["units"]
        super().on_bar(bar)
    def submit_order(self, order, *rest, **named):
        more = type(order.quantity).from_int(int(order.quantity) * self.units)
        super().submit_order(self.order_factory.market(order.instrument_id, order.side, more), *rest, **named)
"""


def test_what_is_set_in_a_module_runs_and_counts_and_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget: Callable[[], None]
) -> None:
    write_minutes("TOY")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "desk_levels.py").write_text("LEVEL = 1\nOTHER = 1\ndef doubled():\n    return 2 * OTHER\n")
    (tmp_path / "desk_late.py").write_text("MORE = dict(units=0)\n")
    (tmp_path / "desk_idea.py").write_text(SETTING)
    forget()
    for name in ("desk_levels", "desk_late"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    levels, late = importlib.import_module("desk_levels"), importlib.import_module("desk_late")
    idea = importlib.import_module("desk_idea").Idea
    made = {}
    for name, place, value in (
        ("as written", levels.__dict__, {}),
        ("read by the strategy", levels.__dict__, {"LEVEL": 5}),
        ("read by a function", levels.__dict__, {"OTHER": 10}),
        ("imported late", late.MORE, {"units": 100}),
    ):
        place.update(value)
        made[name] = ap.backtest(idea, "TOY", "1m", params=PLAN, progress=False)
    units = [int(each.fills.quantity.abs().sum()) // 14 for each in made.values()]
    assert units == [3, 7, 25, 125]
    assert len({each.spec.strategy.digest for each in made.values()}) == 4
    first = ap.diff(made["as written"], made["read by the strategy"]).first
    assert (first.kind, first.name, first.other) == ("code", "desk_levels.LEVEL", "5")
    late.MORE["units"] = 0
    for each in made.values():  # the last three by what was kept of them
        again = ap.rerun(each, progress=False)
        assert again.identical, again.text


CLASSES = """
from enum import Enum
from typing import NamedTuple
class Side(Enum):
    LONG = 1
class Pair(NamedTuple):
    one: int = 1
class Model:
    RATE, COMPUTED = 1, 2 * 5
    class Inner:
        STEP = 100
    def __init__(self, more):
        self.more = [more]
    @classmethod
    def units(cls):
        return cls.RATE + cls.COMPUTED + cls.Inner.STEP + Side.LONG.value * Pair().one
CHOSEN = Model(0)
"""


def test_what_is_set_on_classes_and_objects_of_a_module_runs_and_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget: Callable[[], None]
) -> None:
    """It counted, and the run had what the file says: its rerun was another."""
    write_minutes("TOY")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "desk_late", raising=False)
    (tmp_path / "desk_late.py").write_text(CLASSES)
    (tmp_path / "desk_idea.py").write_text(
        LATELY.replace("from tests", "import desk_late\nfrom tests")
        .replace("        import desk_late\n", "")
        .replace("desk_late.units()", "desk_late.CHOSEN.units() + sum(desk_late.CHOSEN.more)")
    )
    forget()
    idea = importlib.import_module("desk_idea").Idea
    model = sys.modules["desk_late"].Model
    made = []
    chosen = sys.modules["desk_late"].CHOSEN
    for owner, name, value in (
        (model, "RATE", 1),
        (model, "RATE", 5),
        (model.Inner, "STEP", 200),
        (chosen, "more", [1_000]),
    ):
        setattr(owner, name, value)
        made.append(ap.backtest(idea, "TOY", "1m", params=PLAN, cash=10_000_000, progress=False))
    assert [int(each.fills.quantity.abs().sum()) // 14 for each in made] == [112, 116, 216, 1216]
    assert len({each.spec.strategy.digest for each in made}) == 4
    model.RATE, model.Inner.STEP, chosen.more = 1, 100, [0]
    for each in made:
        again = ap.rerun(each, progress=False)
        assert again.identical, again.text
    assert ap.backtest(idea, "TOY", "1m", params=PLAN, cash=10_000_000, progress=False).spec.id == made[0].spec.id


def test_a_rerun_of_a_loser_is_identical_however_it_is_named(tmp_path: Path) -> None:
    write_minutes("TOY")
    run = ap.backtest(Planned, "TOY", "1m", params={"plan": {"1": 100, "4": -100}}, progress=False)
    assert run.stats["end_equity"] < 100_000
    for each in (run, run.id):
        again = ap.rerun(each, progress=False)
        assert again.identical, again.text


class Naming(Planned):
    """Gives its orders ids of its own, several of one moment that end in one number."""

    def on_bar(self, bar: Bar) -> None:
        for letter in "EBADC":
            size, name = Quantity.from_int("ABCDE".index(letter) + 1), ClientOrderId(f"{letter}-{self._seen}")
            self.submit_order(self.order_factory.market(self._id, OrderSide.BUY, size, client_order_id=name))
        self._seen += 1


def test_orders_of_one_moment_and_one_number_are_in_one_order_each_time() -> None:
    write_minutes("TOY")
    runs = [ap.backtest(Naming, "TOY", "1m", params={"plan": {}}, progress=False) for _ in range(3)]
    ids = runs[0].fills.order_id.tolist()
    assert len(ids) == 25
    assert [each[0] for each in ids] == [*"ABCDE"] * 5
    for each in runs[1:]:
        assert each.fills.order_id.tolist() == ids
        assert each.fills.equals(runs[0].fills)
    assert ap.rerun(runs[0], progress=False).identical


class Hasty(Planned):
    """Buys as many as the machine's clock says, whatever was planned."""

    def on_bar(self, bar: Bar) -> None:
        size = Quantity.from_int(1 + time.time_ns() // 1_000 % 1_000)
        self.submit_order(self.order_factory.market(self._id, OrderSide.BUY, size))


def test_what_no_rerun_repeats_is_named_where_nothing_else_differs() -> None:
    write_minutes("TOY")
    run = ap.backtest(Hasty, "TOY", "1m", params={"plan": {}}, progress=False)
    again = ap.rerun(run, progress=False)
    assert again.diff.first is not None and again.diff.first.kind == "orders"
    assert "All that the two were given is the same. Its source calls time.time_ns: no rerun repeats" in again.text
    assert "All that the two were given" not in ap.diff(run, planned()).text


class Drawing(Planned):
    def on_bar(self, bar: Bar) -> None:
        SYSTEM.random()


SYSTEM = random.SystemRandom()


def test_a_strategy_that_holds_the_system_s_generator_says_so_before_it_runs() -> None:
    write_minutes("TOY")
    with pytest.raises(errors.StrategyUnusable, match="cannot be sent to its own process"):
        ap.backtest(Drawing, "TOY", "1m", params={"plan": {}}, progress=False)


def test_a_failed_run_fails_again_the_same_way() -> None:
    write_minutes("TOY")
    with pytest.raises(errors.StrategyRaised) as raised:
        ap.backtest(Broken, "TOY", "1m", params=PLAN, progress=False)
    again = ap.rerun(raised.value.run_id, progress=False)
    assert again.identical
    assert again.run.record.error == "ValueError: no third bar"
    assert " are identical: both failed (ValueError: no third bar), 0 orders, " in again.text


def test_an_interrupted_run_is_not_repeated() -> None:
    write_minutes("TOY")
    run = planned()
    open_ledger().append(replace(run.record, id="cd" * 8, status="interrupted"))
    with pytest.raises(errors.InputError, match="interrupted"):
        ap.rerun("cd" * 8)


def test_a_shipped_strategy_with_news_is_made_again(sample: Path) -> None:
    run = ap.backtest("NewsSentiment", "AAPL", "1d", "2012-01-01", "2013-03-01", progress=False)
    assert [each.name for each in run.record.facts][-1:] == ["news"]
    assert ap.rerun(run, progress=False).identical
    assert ap.run(run.id).changes == (), "dividends, articles and scores are those of then"


def test_scores_that_are_no_longer_held_are_said_to_be_computed_anew(sample: Path) -> None:
    run = ap.backtest("NewsSentiment", "AAPL", "1d", "2012-01-01", "2013-03-01", progress=False)
    for _, root in Roots.of_settings().all:
        shutil.rmtree(root / "scores", ignore_errors=True)
    heard = next(each for each in run.record.facts if each.name == "news")
    told = cards.text(ap.run(run.id))
    assert f"the scores of {heard.rows} articles are not held, first at 2012-01-" in told
    assert f"`alphapulse rerun {run.id[:8]}` reads them as recorded then, and has finance score anew." in told
    assert ap.rerun(run, progress=False).identical, "as was said"


def _lines(found: RunDifference) -> set[str]:
    return {each.partition(" in ")[2] for each in found.text.splitlines()}
