"""A run held against an instrument by name: whose closes, known when, what is refused, and that it is kept."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from distributed import LocalCluster
from five_sessions import DAYS, write
from typer.testing import CliRunner

import alphapulse_lib as ap
from alphapulse_lib import errors
from alphapulse_lib.catalog import actions
from alphapulse_lib.catalog.sessions import open_of
from alphapulse_lib.cli import app
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.run import RunSpec, StrategySource
from tests.resources.toy_market import Planned

#: Of XYZ: two for one on 5 July, and 1.02 a share, a hundredth of the close before it, on the 3rd.
CLOSES = [100.0, 102.0, 104.0, 53.0, 54.0]
WITHOUT = [1.0, 1.02, 1.04, 1.06, 1.08]
REINVESTED = [1.0, 1.02, 1.04 / 0.99, 1.06 / 0.99, 1.08 / 0.99]


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five sessions of TOY and of XYZ, which split and paid; three of LATE."""
    root = tmp_path / "catalog"
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(root))
    write(root, Instrument("TOY.XNAS"), DAYS, [10.0, 11.0, 12.0, 12.5, 13.0])
    write(root, Instrument("XYZ.XNYS"), DAYS, CLOSES)
    write(root, Instrument("LATE.XNAS"), DAYS[2:], CLOSES[2:])
    acted(root, "split", "2013-07-05", ratio=2.0)
    acted(root, "dividend", "2013-07-03", amount=1.02)
    return root


def acted(root: Path, kind: str, day: str, known: str = "", **what: float) -> None:
    row = {"instrument_id": ["XYZ.XNYS"], "kind": [kind], "ex_date": [date.fromisoformat(day)], "source": ["x"]}
    available = open_of("XNYS", np.array([known or day], "datetime64[D]"))
    row |= {name: [value] for name, value in what.items()} | {"available_at": available}
    actions.write(root, pa.table(row), "x")


def planned(**more):
    given = {"params": {"plan": {"1": 1000}}, "benchmark": "XYZ", "progress": False}
    return ap.backtest(Planned, "TOY", "1d", **given | more)


def test_its_closes_are_followed_over_a_split_and_its_dividend_is_reinvested(catalog: Path) -> None:
    run = planned()
    assert run.benchmark.tolist() == pytest.approx([100_000 * each for each in REINVESTED], rel=1e-12)
    assert run.benchmark.index.equals(run.equity.index)
    assert run.stats["benchmark_return"] == pytest.approx(1.08 / 0.99 - 1, rel=1e-12)
    assert run.spec.benchmark == "XYZ.XNYS"
    assert run.by("year")["benchmark"].tolist() == pytest.approx([1.08 / 0.99 - 1], rel=1e-12)


def test_what_the_statistics_say_against_it_is_what_its_returns_say(catalog: Path) -> None:
    run = planned()
    mine = np.diff(run.equity) / run.equity.to_numpy()[:-1]
    theirs = np.diff(REINVESTED) / np.array(REINVESTED[:-1])
    beta = np.cov(mine, theirs)[0, 1] / np.var(theirs, ddof=1)
    active = mine - theirs
    assert run.stats["beta"] == pytest.approx(beta, rel=1e-9)
    assert run.stats["alpha"] == pytest.approx((1 + np.mean(mine - beta * theirs)) ** 252 - 1, rel=1e-9)
    assert run.stats["tracking_error"] == pytest.approx(active.std(ddof=1) * math.sqrt(252), rel=1e-9)
    ratio = active.mean() / active.std(ddof=1) * math.sqrt(252)
    assert run.stats["information_ratio"] == pytest.approx(ratio, rel=1e-9)


def test_without_one_the_result_is_held_against_its_own_instruments(catalog: Path) -> None:
    run = planned(benchmark=None)
    assert run.benchmark.tolist() == pytest.approx([100_000, 110_000, 120_000, 125_000, 130_000])
    assert "benchmark" not in run.record.artefacts
    source = StrategySource("m:S", "ab")
    old = RunSpec(source, ("TOY.XNAS",), "1d", 0, 1)
    assert "benchmark" not in old.as_dict()
    assert old.id != RunSpec(source, ("TOY.XNAS",), "1d", 0, 1, benchmark="XYZ.XNYS").id


def test_a_dividend_that_was_told_later_is_not_reinvested_as_of_before(catalog: Path) -> None:
    acted(catalog, "dividend", "2013-07-08", known="2013-08-01", amount=5.3)
    seen = planned(as_of="2013-07-08").benchmark
    assert seen.tolist() == pytest.approx([100_000 * each for each in REINVESTED], rel=1e-12)
    assert planned().benchmark.iloc[-1] == pytest.approx(100_000 * 1.08 / 0.99 / 0.9, rel=1e-12)


def test_what_befalls_it_after_the_window_changes_nothing(catalog: Path) -> None:
    before = planned(end="2013-07-05")
    acted(catalog, "split", "2013-07-08", ratio=3.0)
    after = planned(end="2013-07-05")
    assert before.record.facts == after.record.facts
    assert ap.diff(before, after).identical


def test_a_rerun_is_identical_and_a_close_that_changed_is_named(catalog: Path) -> None:
    run = planned()
    write(catalog, Instrument("XYZ.XNYS"), DAYS, [*CLOSES[:4], 55.0])
    assert ap.rerun(run, progress=False).identical
    found = ap.diff(run, planned())
    assert (found.first.kind, found.first.name) == ("data", "benchmark")
    assert (found.first.one, found.first.other) == ("close 54.0", "close 55.0")
    assert {each.name for each in found.all if each.kind == "statistic"} >= {"alpha", "benchmark_return"}


def test_another_benchmark_is_a_setting_that_differs(catalog: Path) -> None:
    found = ap.diff(planned(), planned(benchmark="TOY"))
    assert ("setting", "benchmark", "XYZ.XNYS", "TOY.XNAS") in [
        (each.kind, each.name, each.one, each.other) for each in found.all
    ]


@pytest.mark.parametrize("benchmark", ["TOY", None])
def test_of_another_benchmark_or_none_no_data_are_said_to_differ(catalog: Path, benchmark: str | None) -> None:
    found = ap.diff(planned(), planned(benchmark=benchmark))
    assert found.first.kind == "setting", found.first


@pytest.mark.parametrize(
    ("named", "error", "told"),
    [
        ("NONE", errors.UnknownSymbol, "`alphapulse ingest alpaca NONE --period 1d"),
        ("LATE", errors.NoCoverage, "No close of LATE.XNAS, the benchmark, by 2013-07-01"),
        ("LATE", errors.NoCoverage, "`alphapulse ingest alpaca LATE --period 1d"),
        (7, errors.InputError, "A benchmark is text, not '7', a int"),
    ],
)
def test_one_that_is_not_held_is_refused(catalog: Path, named: object, error: type[Exception], told: str) -> None:
    with pytest.raises(error) as refused:
        planned(benchmark=named)
    assert told in f"{refused.value}"
    assert ap.runs().empty


def test_one_that_ends_before_the_run_is_told_or_refused(catalog: Path) -> None:
    write(catalog, Instrument("STOP.XNAS"), DAYS[:3], CLOSES[:3])
    with pytest.warns(UserWarning, match="The benchmark STOP ends on 2013-07-03, 2 sessions before"):
        run = planned(benchmark="STOP")
    assert run.benchmark.tolist() == pytest.approx([100_000, 102_000, 104_000, 104_000, 104_000])
    days = [f"{day}" for day in np.arange("2013-07-09", "2013-07-20", dtype="datetime64[D]") if np.is_busday(day)]
    write(catalog, Instrument("TOY.XNAS"), [*DAYS, *days], [10.0, 11.0, 12.0, 12.5, 13.0, *[13.0] * len(days)])
    with pytest.raises(errors.NoCoverage, match=r"after 2013-07-03, 11 sessions before the run's last bar") as refused:
        planned(benchmark="STOP")
    assert "gaps='allow'" in refused.value.hint
    assert "`alphapulse ingest alpaca STOP --period 1d" in refused.value.hint


def test_the_last_day_of_one_that_never_closes_ends_at_midnight(catalog: Path) -> None:
    for symbol, days in (("COIN", DAYS[:3]), ("GONE", DAYS[:2])):
        write(catalog, Instrument(f"{symbol}.CRYPTO"), days, CLOSES[: len(days)])
    with pytest.warns(UserWarning, match="The benchmark GONE ends on 2013-07-02, 1 session before"):
        ap.backtest(Planned, "COIN", "1d", params={"plan": {"1": 1}}, benchmark="GONE", progress=False)


def test_a_sweeps_trials_are_held_against_it(catalog: Path, shared: LocalCluster) -> None:
    plans = [{"1": 1000}, {"1": 500}, {"2": 1000}]
    swept = ap.sweep(
        Planned, "TOY", "1d", grid={"plan": plans}, objective="information_ratio", benchmark="XYZ", progress=False
    )
    alone = planned(params={"plan": swept.best.spec.parameters["plan"]})
    assert swept.best.record.spec_id == alone.record.spec_id
    assert swept.best.stats["information_ratio"] == alone.stats["information_ratio"]
    assert swept.best.benchmark.equals(alone.benchmark)
    assert swept.best.record.facts == alone.record.facts
    with pytest.raises(errors.NoCoverage, match="alphapulse ingest alpaca LATE"):
        ap.sweep(Planned, "TOY", "1d", grid={"plan": plans}, benchmark="LATE", progress=False)


def test_the_command_line_takes_one(sample: Path) -> None:
    words = ["backtest", "SmaCross", "GOOG", "--start", "2012-01-01", "--end", "2012-12-31", "--benchmark", "IBM"]
    answer = CliRunner().invoke(app, [*words, "--json"])
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout)["spec"]["benchmark"] == "IBM.XNYS"
    shown = CliRunner().invoke(app, ["run", json.loads(answer.stdout)["id"]])
    assert "  IBM " in shown.stdout
