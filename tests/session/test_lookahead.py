"""`ap.check_lookahead`: planted leaks of every kind are caught, and honest strategies are not accused."""

from __future__ import annotations

import importlib
import os
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pytest
from nautilus_trader.model import BarType, InstrumentId, OrderSide, Quantity
from nautilus_trader.trading import Strategy

import alphapulse_lib as ap
from alphapulse_lib import errors
from tests.resources.toy_market import write_minutes

SPRING = ("1d", "2012-01-01", "2012-06-30")


@dataclass(frozen=True)
class Config:
    instrument_id: InstrumentId
    bar_type: BarType


class Switching(Strategy):
    """Is long while `wants` says so, of each bar."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._of, self._bars, self.held = config.instrument_id, config.bar_type, False

    def on_start(self) -> None:
        self.subscribe_bars(self._bars)

    def on_bar(self, bar) -> None:
        wanted = self.wants(bar)
        if wanted is not None and wanted != self.held:
            self.held = wanted
            side = OrderSide.BUY if wanted else OrderSide.SELL
            self.submit_order(self.order_factory.market(self._of, side, Quantity.from_int(10)))

    def wants(self, bar) -> bool | None:
        raise NotImplementedError

    def now(self) -> pd.Timestamp:
        return pd.Timestamp(self.clock.timestamp_ns(), tz="UTC")


class Honest(Switching):
    """Reads the catalog as of its own clock: the mean of ten closes."""

    def wants(self, bar) -> bool | None:
        closes = ap.bars("GOOG", "1d", end=self.now(), as_of=self.now())["close"].tail(10)
        return bool(closes.iloc[-1] > closes.mean())


class TomorrowsBar(Switching):
    """Asks the catalog for the next close."""

    def wants(self, bar) -> bool | None:
        later = ap.bars("GOOG", "1d", self.now(), adjust="none")["close"].head(2)
        return bool(later.iloc[-1] > later.iloc[0]) if len(later) == 2 else None


class TomorrowsDay(Switching):
    """Asks how the next day itself goes, which no level tells."""

    def wants(self, bar) -> bool | None:
        later = ap.bars("GOOG", "1d", self.now(), adjust="none").iloc[1:2]
        return bool(later["close"].iloc[0] > later["open"].iloc[0]) if len(later) else None


class WholeSpringsMean(Switching):
    """Compares with the mean of a window that is not over, asked for by SQL."""

    def on_start(self) -> None:
        super().on_start()
        asked = "SELECT avg(close) FROM bars_1d WHERE symbol = 'GOOG' AND ts BETWEEN '2012-01-01' AND '2012-06-30'"
        ((self.mean,),) = ap.sql(asked).fetchall()

    def wants(self, bar) -> bool | None:
        return float(bar.close) > self.mean


FRAME = pd.DataFrame()


class CapturedFrame(Switching):
    """Looks one row further in a frame that was made before the run."""

    def wants(self, bar) -> bool | None:
        later = FRAME[FRAME["ts"] >= self.now()]["close"].head(2)
        return bool(later.iloc[-1] > later.iloc[0]) if len(later) == 2 else None


class DefaultArgument(Switching):
    """Looks further in a frame that a test makes its argument."""

    def wants(self, bar, data=None) -> bool | None:
        later = data[data["ts"] >= self.now()]["close"].head(2)
        return bool(later.iloc[-1] > later.iloc[0]) if len(later) == 2 else None


class TomorrowsWick(Switching):
    """Asks for parts of the next bar alone, which no price tells."""

    def wants(self, bar) -> bool | None:
        later = ap.bars("GOOG", "1d", self.now(), adjust="none").iloc[1:2]
        return bool((later["high"] / later[["open", "close"]].max(axis=1)).iloc[0] > 1.004) if len(later) else None


class TomorrowsGap(Switching):
    """Asks where the next bar opens, and for nothing that comes later."""

    def wants(self, bar) -> bool | None:
        later = ap.bars("GOOG", "1d", self.now(), adjust="none")
        return bool(later["open"].iloc[1] > later["close"].iloc[0]) if len(later) > 1 else None


class Coin(Switching):
    """Decides by what no run repeats."""

    def wants(self, bar) -> bool | None:
        return os.urandom(1)[0] > 127


def test_a_strategy_that_no_run_repeats_is_not_accused_of_looking_ahead(sample: Path) -> None:
    with pytest.raises(errors.RunError, match="with the same future too, first at 2012-0") as refused:
        ap.check_lookahead(Coin, "GOOG", *SPRING, at="2012-05-01", progress=False)
    assert ap.run(refused.value.run_id).record.purpose == "probe"


@pytest.mark.parametrize("strategy", [TomorrowsBar, TomorrowsDay, TomorrowsWick, TomorrowsGap, WholeSpringsMean])
def test_a_leak_of_prices_is_caught(sample: Path, strategy: type) -> None:
    found = ap.check_lookahead(strategy, "GOOG", *SPRING, at=1, progress=False)
    assert not found.passed
    assert re.search(
        r"LOOKS AHEAD: with all after 2012-.* UTC replaced, prices (rising|falling), it decides", found.text
    )
    assert {each.moment for each in found.leaks} <= {*found.moments}
    assert all(each.decided <= each.moment for each in found.leaks)


def test_a_frame_that_was_captured_is_replaced_too(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "FRAME", ap.bars("GOOG", *SPRING))
    found = ap.check_lookahead(CapturedFrame, "GOOG", *SPRING, at=1, progress=False)
    assert not found.passed
    assert found.unproven == ("FRAME",)


def test_a_default_argument_is_replaced_too(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DefaultArgument.wants, "__defaults__", (ap.bars("GOOG", *SPRING),))
    found = ap.check_lookahead(DefaultArgument, "GOOG", *SPRING, at=1, progress=False)
    assert not found.passed
    assert found.unproven == ("DefaultArgument.wants(data)",)


@dataclass(frozen=True)
class ToldDays(Config):
    days: tuple[str, ...] = ()


class OnDays(Switching):
    """Is long on the days that it is told."""

    def __init__(self, config: ToldDays) -> None:
        super().__init__(config)
        self._days = config.days

    def wants(self, bar) -> bool | None:
        return f"{self.now():%Y-%m-%d}" in self._days


def test_of_a_strategy_that_is_told_days_is_said_that_nothing_is_proven(sample: Path) -> None:
    days = {"days": ("2012-03-01", "2012-04-02")}
    found = ap.check_lookahead(OnDays, "GOOG", *SPRING, params=days, at="2012-05-01", progress=False)
    assert (found.passed, found.unproven) == (True, ("params['days']",))
    assert "Not proven: params['days'] was made before the run" in found.text


class ReadsAFile(Switching):
    """Trades by a file of signals, of which no probe can tell when they were known."""

    def on_start(self) -> None:
        super().on_start()
        self.signals = pd.read_csv(Path(os.environ["ALPHAPULSE_HOME"]) / "signals.csv")["long"].tolist()

    def wants(self, bar) -> bool | None:
        return bool(self.signals.pop(0))


def test_of_a_strategy_that_reads_a_file_is_said_that_nothing_is_proven(sample: Path) -> None:
    home = Path(os.environ["ALPHAPULSE_HOME"])
    home.mkdir(exist_ok=True)
    (home / "signals.csv").write_text("long\n" + "1\n0\n" * 100)
    found = ap.check_lookahead(ReadsAFile, "GOOG", *SPRING, at="2012-05-01", progress=False)
    assert (found.passed, found.outside) == (True, ("pd.read_csv",))
    assert "Not proven: it calls pd.read_csv." in found.text


@pytest.mark.parametrize("strategy", ["SmaCross", Honest])
def test_an_honest_strategy_passes(sample: Path, strategy: type | str) -> None:
    found = ap.check_lookahead(strategy, "GOOG", *SPRING, at=1, progress=False)
    assert found.passed, found.text
    assert found.unproven == ()
    assert len(found.run.orders) > 3
    assert set(found.moments) & {each.value for each in found.run.orders.ts}


class EveryBar(Switching):
    """Turns at every bar, so that each open is one that an order of it fills at."""

    def wants(self, bar) -> bool | None:
        return not self.held


@pytest.mark.parametrize("at", ["2012-05-01 13:29", "2012-05-01 13:30", "2012-05-01 13:31", "2012-05-01 20:00"])
def test_an_open_that_is_known_by_then_is_as_it_was(sample: Path, at: str) -> None:
    """New York's session of that day is 13:30 to 20:00 UTC; what was sent at the close before fills at its open."""
    found = ap.check_lookahead(EveryBar, "GOOG", *SPRING, at=[pd.Timestamp(at, tz="UTC")], progress=False)
    assert found.passed, found.text


def test_of_a_spec_its_newest_run_that_finished_is_looked_into(sample: Path) -> None:
    run = ap.backtest("SmaCross", "GOOG", *SPRING, progress=False)
    assert ap.check_lookahead(run.spec, at=1, progress=False).run.id == run.id
    again = ap.backtest("SmaCross", "GOOG", *SPRING, progress=False)
    assert ap.check_lookahead(run.spec, at=1, progress=False).run.id == again.id, "not one of the first's probes"
    assert ap.convention_spread(run.spec, progress=False).run.id == again.id
    with pytest.raises(errors.InputError, match=r"No run of the spec [0-9a-f]{12} \(.*\) is recorded here that"):
        ap.check_lookahead(replace(run.spec, seed=7), progress=False)


def test_probes_are_recorded_and_are_no_trials(sample: Path) -> None:
    run = ap.backtest("SmaCross", "GOOG", *SPRING, progress=False)
    found = ap.check_lookahead(run, at=["2012-05-01"], progress=False)
    assert found.passed
    probes = ap.runs(purpose="probe")
    assert len(probes) == 3
    records = [ap.run(each).record for each in probes["id"]]
    assert {each.of for each in records} == {run.id}
    assert sorted(each.environment["probe"] for each in records) == [
        "all after 2012-05-01 23:59:59 UTC replaced, prices falling",
        "all after 2012-05-01 23:59:59 UTC replaced, prices rising",
        "the future as it was",
    ]
    assert [ap.run(each).changes for each in probes["id"]] == [(), (), ()], "the catalog is what it was"
    assert run.family.trials == 1
    for each in records:  # what was shown a future that never was no catalog tells again
        if each.environment["probe"] == "the future as it was":
            assert ap.rerun(each.id, progress=False).identical
            continue
        with pytest.raises(errors.InputError, match="of rows that no catalog ever held: all after 2012-05-01") as told:
            ap.rerun(each.id, progress=False)
        assert f"alphapulse check-lookahead {run.id}" in told.value.hint
    with pytest.raises(errors.InputError, match="arguments already"):
        ap.check_lookahead(run, "GOOG")


@pytest.mark.parametrize(
    ("at", "why"),
    [
        ([], "at=\\[\\] is no moment"),
        (["2012-05-01", "2030-01-01"], "2030-01-01 23:59:59 UTC is not between the run's first bar and its last"),
        ("2012-06-30", "2012-06-30 23:59:59 UTC is not between"),
        (["2011-12-01"], "2011-12-01 23:59:59 UTC is not between"),
        (2.5, "2.5 is not a moment"),
    ],
)
def test_nothing_passes_at_moments_that_test_nothing(sample: Path, at: object, why: str) -> None:
    run = ap.backtest("SmaCross", "GOOG", *SPRING, progress=False)
    with pytest.raises(errors.InputError, match=why):
        ap.check_lookahead(run, at=at, progress=False)
    assert ap.runs(purpose="probe").empty


def test_a_moment_alone_is_taken_as_one(sample: Path) -> None:
    run = ap.backtest("SmaCross", "GOOG", *SPRING, progress=False)
    assert len(ap.check_lookahead(run, at="2012-05-01", progress=False).moments) == 1


class Raises(Switching):
    """Fails at its first bar."""

    def wants(self, bar) -> bool | None:
        raise ValueError


def test_what_did_not_finish_and_what_is_no_run_are_refused(sample: Path) -> None:
    with pytest.raises(errors.StrategyRaised) as failed:
        ap.backtest(Raises, "GOOG", *SPRING, progress=False)
    for probe in (ap.check_lookahead, ap.convention_spread):
        with pytest.raises(errors.InputError, match=f"The run {failed.value.run_id} failed: it has no result"):
            probe(failed.value.run_id, progress=False)
        with pytest.raises(errors.InputError, match="None is neither a run nor a strategy"):
            probe(None, progress=False)


class NewsAhead(Switching):
    """Asks whether articles come in the next thirty days, what they will say, or how they are scored."""

    def wants(self, bar) -> bool | None:
        now = self.now()
        return self.known(now, now + pd.Timedelta(days=30))


class AwaitsArticles(NewsAhead):
    def known(self, start, end) -> bool:
        return len(ap.news("AAPL", start, end)) > 0


class ReadsHeadlines(NewsAhead):
    def known(self, start, end) -> bool:
        return bool(ap.news("AAPL", start, end)["headline"].str.contains("Apple|iPhone|iPad").any())


class ReadsScores(NewsAhead):
    def known(self, start, end) -> bool:
        return bool(ap.sentiment("AAPL", start, end)["score"].mean() > 0.05)


@pytest.mark.parametrize("strategy", [AwaitsArticles, ReadsHeadlines, ReadsScores])
def test_a_leak_of_news_and_of_scores_is_caught(sample: Path, strategy: type) -> None:
    found = ap.check_lookahead(strategy, "AAPL", "1d", "2012-10-01", "2012-12-31", at=1, progress=False)
    assert not found.passed


def test_a_strategy_that_hears_its_news_passes(sample: Path) -> None:
    found = ap.check_lookahead("NewsSentiment", "AAPL", "1d", params={"threshold": 0.2}, at=1, progress=False)
    assert found.passed, found.text
    assert len(found.run.orders) > 4


class Told(Switching):
    """Decides by what the catalog says today, or, where it is honest, by what it said then."""

    honest = False

    def known(self) -> dict[str, pd.Timestamp]:
        return {"as_of": self.now()} if self.honest else {}


class Published(Told):
    """Reads articles by when they were published, and not by when they could be read."""

    def wants(self, bar) -> bool | None:
        now = self.now()
        return bool(
            ap.news("GOOG", now - pd.Timedelta(days=3), now, **self.known())["headline"].str.contains("zebra").any()
        )


class BeforeASplit(Told):
    """Holds prices divided by a later split against a level."""

    def wants(self, bar) -> bool | None:
        return bool(ap.bars("AAPL", "1d", end=self.now(), **self.known())["close"].iloc[-1] < 40)


class TotalReturns(Told):
    """Sees in a series with dividends reinvested how much is still to be paid."""

    def wants(self, bar) -> bool | None:
        asked = ("IBM", "1d", self.now() - pd.Timedelta(days=5), self.now())
        total, traded = (ap.bars(*asked, adjust=each, **self.known())["close"].iloc[-1] for each in ("total", "none"))
        return bool(total / traded < 0.981)


class NeverDelisted(Told):
    """Is long where no listing ends within a year."""

    def wants(self, bar) -> bool | None:
        asked = "SELECT ends FROM listings WHERE symbol = 'GOOG'"
        ((ends,),) = ap.sql(asked, **self.known()).fetchall()
        return ends is None or pd.Timestamp(ends, tz="UTC") > self.now() + pd.Timedelta(days=366)


def knowing(home: Path) -> None:
    """An article that could be read a week after it was published, and a listing that ends."""
    (home / "news.csv").write_text(
        "published_at,available_at,headline,symbols\n2012-03-01 09:00,2012-03-08 09:00,Google buys a zebra,GOOG\n"
    )
    ap.ingest("files", home / "news.csv", kind="articles", timezone="America/New_York")
    (home / "listed.csv").write_text("id,ticker,venue,name,from,to\nGOOG.XNAS,GOOG,XNAS,Google,2004-08-19,2012-12-28\n")
    ap.ingest("files", home / "listed.csv", kind="instruments")


@pytest.mark.parametrize(
    ("strategy", "asked", "at"),
    [
        (Published, ("GOOG", "1d", "2012-02-29", "2012-03-09"), "2012-03-05"),
        (BeforeASplit, ("AAPL", "1d", "2005-02-07", "2005-02-16"), "2005-02-10"),
        (TotalReturns, ("IBM", "1d", "2012-03-28", "2012-04-06"), "2012-04-02"),
        (NeverDelisted, ("GOOG", "1d", "2012-02-29", "2012-03-09"), "2012-03-05"),
    ],
)
def test_a_leak_of_what_was_known_only_later_is_caught(
    writable_sample: Path, tmp_path: Path, strategy: type, asked: tuple, at: str
) -> None:
    knowing(tmp_path)
    found = ap.check_lookahead(strategy, *asked, at=at, progress=False)
    assert not found.passed, found.text


class AsksAsOfThen(NeverDelisted):
    honest = True


def test_who_asks_as_of_then_is_not_accused(writable_sample: Path, tmp_path: Path) -> None:
    knowing(tmp_path)
    found = ap.check_lookahead(AsksAsOfThen, "GOOG", "1d", "2012-02-29", "2012-03-09", at="2012-03-05", progress=False)
    assert found.passed, found.text
    assert len(found.run.orders) == 1


WRITTEN = f"""
from tests.resources.toy_market import Planned
TABLE = {[*range(20)]}
class Told(Planned):
    def on_bar(self, bar):
        import desk_told_late
        if [{", ".join("0123456789012345")}][desk_told_late.FIRST] in TABLE:
            super().on_bar(bar)
"""


def test_what_its_source_says_is_named_also_where_its_class_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_minutes("TOY")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "desk_told_late.py").write_text("FIRST = 0\n")
    (tmp_path / "desk_told.py").write_text(WRITTEN)
    told = importlib.import_module("desk_told").Told
    run = ap.backtest(told, "TOY", "1m", params={"plan": {"1": 5}}, progress=False)
    late = "the module desk_told_late, which desk_told.Told imports while it runs,"
    written = "the list of 16 values on line 4 in desk_told.Told"
    found = ap.check_lookahead(run, at=1, progress=False)
    assert found.unproven == ("TABLE", written, late)
    assert f"Not proven: {written} was made before the run" in found.text
    monkeypatch.delitem(sys.modules, "desk_told")
    gone = ap.check_lookahead(run, at=1, progress=False)
    assert gone.unproven == ("desk_told.TABLE", written, late)
