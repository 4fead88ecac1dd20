"""`ap.walk_forward`, end to end, each number from runs that are made one by one."""

from __future__ import annotations

import inspect
import os
import warnings
from ast import literal_eval
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import numpy as np
import pandas as pd
import pytest
from api_server import RunningApi
from distributed import LocalCluster
from misbehaving_api import CountingProxy, misbehaving
from small_runs import kept

import alphapulse_lib as ap
from alphapulse_lib import errors
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.engine.strategies import SmaCross
from alphapulse_lib.model.run import StrategySource
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.results.overfit import probabilistic_sharpe_ratio
from alphapulse_lib.results.statistics import summary
from alphapulse_lib.settings import settings
from alphapulse_lib.views import numbers
from tests.resources.toy_market import SIX, Planned, write

GIVEN = {"grid": {"fast": [5, 15], "slow": [20, 40]}, "progress": False}
WINDOW = ("SmaCross", "GOOG", "1d", "2008-01-01", "2009-12-31")


@pytest.mark.usefixtures("sample")
def test_who_walks_with_another_strategy_of_the_same_name_is_told_that_its_trials_are_counted_anew(
    shared: LocalCluster,
) -> None:
    before = StrategySource("__main__:SmaCross", "5" * 64, inspect.getsource(Ledger))
    kept(Ledger(settings().ledger_root), strategy=before)
    with pytest.warns(UserWarning, match="unlike .* of that name before it, .* 'SmaCross 2', whose trials are counted"):
        ap.walk_forward(*WINDOW, train=252, test=120, **GIVEN)
    with warnings.catch_warnings(action="error"):
        ap.walk_forward(*WINDOW, train=126, test=120, **GIVEN)  # was told


@pytest.mark.usefixtures("sample")
def test_each_fold_is_chosen_on_its_train_window_and_tried_on_the_next(shared: LocalCluster) -> None:
    walked = ap.walk_forward(*WINDOW, train=252, test=120, **GIVEN)
    days = ap.bars("GOOG", "1d", *WINDOW[3:]).ts.dt.date.tolist()
    assert len(days) == 505  # 13 are left out at the beginning
    assert len(Ledger(settings().ledger_root).ids()) == 2 * 4 + 2
    luck = walked.deflated
    assert luck["trials"] == 2 * 4 + 2
    alone = {name: walked.stats[name] for name in ("sharpe_per_period", "observations", "skewness", "kurtosis")}
    assert luck["deflated_sharpe"] < probabilistic_sharpe_ratio(*alone.values()), "the best of ten is no one of one"
    assert f"Deflated Sharpe ratio {luck['deflated_sharpe']:.2f}, among 10 trials of the family." in walked.text()
    first = 505 - 240
    trained = [
        ap.backtest(*WINDOW[:3], days[first - 252], days[first - 1], params=params, progress=False)
        for params in ({"fast": fast, "slow": slow} for fast in (5, 15) for slow in (20, 40))
    ]
    best, chosen = max(trained, key=lambda run: run.stats["sharpe"]), walked.table.loc[0]
    assert {"fast": chosen.fast, "slow": chosen.slow} == best.spec.parameters
    assert chosen.inside == best.stats["sharpe"]
    parts = []
    for number, row in walked.table.iterrows():
        start = first + 120 * number
        params = {"fast": int(row.fast), "slow": int(row.slow)}
        tried = ap.backtest(*WINDOW[:3], days[start], days[start + 119], params=params, progress=False)
        assert row.outside == pytest.approx(tried.stats["sharpe"], nan_ok=True)
        assert walked.runs[number].equity.tolist() == tried.equity.tolist()
        parts.append(tried.equity / tried.equity.shift(fill_value=100_000.0) - 1)
    outside = pd.concat(parts)
    assert walked.returns.tolist() == pytest.approx(outside.tolist(), abs=1e-15)
    assert walked.returns.index.tolist() == outside.index.tolist()
    assert walked.equity.iloc[-1] == pytest.approx(100_000 * (1 + outside).prod())
    assert walked.stats["sharpe"] == pytest.approx(summary(outside)["sharpe"])
    assert {each.record.purpose for each in walked.runs} == {"trial"}
    assert [numbers.window(each.record).partition(" to ")[0] for each in walked.runs] == [
        f"{each:%Y-%m-%d}" for each in walked.table["from"]
    ]
    card = walked._repr_html_()
    for told in (walked.table.id[1][:8], numbers.percent(walked.stats["total_return"]), "2 folds", "240 sessions"):
        assert told in card
    assert "status" not in card


@pytest.mark.usefixtures("sample")
def test_the_team_is_asked_once_what_it_tried_and_each_trial_counts_what_came_before(
    shared: LocalCluster, api: RunningApi, person: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_USER", "bob")
    person("bob")
    ap.backtest(*WINDOW, params={"fast": 7, "slow": 50}, progress=False)
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    person("ada")
    with misbehaving(CountingProxy(api.url)) as between:
        monkeypatch.setenv("ALPHAPULSE_API_URL", between.url)
        walked = ap.walk_forward(*WINDOW, train=252, test=120, **GIVEN)
        assert len([each for each in between.requests if b"/v1/families" in each.partition(b"\r\n")[0]]) == 1
    assert [each.record.statistics["trials"] for each in walked.runs] == [1 + 5, 1 + 10]


def test_a_fold_is_told_by_the_days_of_its_sessions_also_where_these_end_at_midnight(shared: LocalCluster) -> None:
    known = sessions("CRYPTO")
    first = int(np.searchsorted(known.days, np.datetime64("2024-01-01")))
    write("TOY", "1d", known.closes[first : first + 40], [SIX[0]] * 40, venue="CRYPTO")
    given = {"grid": {"plan": [{"1": 1}, {"2": 1}]}, "objective": "end_equity", "progress": False}
    walked = ap.walk_forward(Planned, "TOY", "1d", train=20, test=10, **given)
    told = [(str(row["from"].date()), str(row["to"].date())) for _, row in walked.table.iterrows()]
    assert told == [("2024-01-21", "2024-01-30"), ("2024-01-31", "2024-02-09")]


def test_weeks_are_told_as_weeks(shared: LocalCluster) -> None:
    known = sessions("CRYPTO")
    monday = int(np.searchsorted(known.days, np.datetime64("2024-01-01")))
    write("TOY", "1w", known.closes[monday + 6 : monday + 7 * 40 : 7], [SIX[0]] * 40, venue="CRYPTO")
    given = {"grid": {"plan": [{"1": 1}, {"2": 1}]}, "objective": "end_equity", "progress": False}
    walked = ap.walk_forward(Planned, "TOY", "1w", train=20, test=10, **given)
    assert "over 20 weeks, " in walked.text()
    assert "out of sample, 20 weeks<" in walked._repr_html_()


@pytest.mark.usefixtures("sample")
def test_of_a_warm_up_nothing_counts(shared: LocalCluster) -> None:
    walked = ap.walk_forward(*WINDOW, train=252, test=120, warmup=60, **GIVEN)
    for (_, row), run in zip(walked.table.iterrows(), walked.runs, strict=True):
        begun = run.equity.index.searchsorted(pd.Timestamp(row["from"], tz="America/New_York"))
        tested = run.equity.iloc[begun - 1 :]
        assert len(tested) == 121
        assert row["return"] == pytest.approx(tested.iloc[-1] / tested.iloc[0] - 1)
        assert row.drawdown == pytest.approx((tested / tested.cummax() - 1).min())
        ended = (run.trades.exit_ts > tested.index[0]).sum()
        assert row.trades == ended
    with pytest.raises(errors.InputError, match="hit_rate"):
        ap.walk_forward(*WINDOW, train=252, test=120, warmup=60, objective="hit_rate", **GIVEN)


@pytest.mark.usefixtures("sample")
def test_a_k_fold_chooses_on_both_sides_of_its_test(shared: LocalCluster) -> None:
    walked = ap.walk_forward(*WINDOW, scheme="kfold", folds=3, purge=5, embargo=5, warmup=40, **GIVEN)
    assert len(walked.returns) == 505
    assert len(walked.table) == 3
    assert walked.table["from"].is_monotonic_increasing
    # Two windows beside the middle part, one beside each other part; four trials each, and three tests.
    assert len(Ledger(settings().ledger_root).ids()) == 4 * 4 + 3
    assert [len(each.returns) for each in walked.folds] == [168, 168, 169]
    assert len(walked.runs[1].equity) == 168 + 40
    assert "out of sample" in walked.text()


class Telling(SmaCross):
    """Leaves a file that tells which bars it saw."""

    def on_bar(self, bar) -> None:
        super().on_bar(bar)
        self.__dict__.setdefault("bars_seen", []).append(bar.ts_event)

    def on_stop(self) -> None:
        super().on_stop()
        if seen := self.__dict__.get("bars_seen"):
            (Path(os.environ["ALPHAPULSE_HOME"]) / uuid4().hex).with_suffix(".seen").write_text(repr(seen))


@pytest.mark.usefixtures("sample")
@pytest.mark.parametrize(
    ("scheme", "wanted"),
    [
        # 252 sessions in three parts of 84; four before a test are left out, and four and seven after it.
        ("kfold", [(95, 252), (0, 84), (0, 80), (179, 252), (84, 168), (0, 164), (168, 252)]),
        # The newest tests end with the last session, each after a train window and four sessions between.
        ("rolling", [(48, 148), (152, 202), (98, 198), (202, 252)]),
        ("anchored", [(0, 148), (152, 202), (0, 198), (202, 252)]),
    ],
)
def test_a_fold_sees_the_bars_that_a_hand_counts_and_no_other(scheme: str, wanted: list[tuple[int, int]]) -> None:
    home = Path(os.environ["ALPHAPULSE_HOME"])
    home.mkdir(exist_ok=True)
    window = ("GOOG", "1d", "2010-01-01", "2010-12-31")
    given = {"scheme": scheme, "train": 100, "test": 50, "folds": 3, "purge": 4, "workers": 1}
    given |= {"embargo": 7} if scheme == "kfold" else {}
    ap.walk_forward(Telling, *window, grid={"fast": [5], "slow": [20]}, progress=False, **given)
    closes = ap.bars(*window).ts.astype("int64").tolist()
    assert len(closes) == 252
    seen = [literal_eval(each.read_text()) for each in home.glob("*.seen")]
    assert sorted(seen) == sorted(closes[first:stop] for first, stop in wanted)


@pytest.mark.usefixtures("sample")
@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"scheme": "sliding"}, "rolling"),
        ({"train": 0}, "train=0"),
        ({"train": "2y"}, "counts sessions"),
        ({"purge": -1}, "purge=-1"),
        ({"embargo": 5}, "embargo=5 is a k-fold's: with scheme='rolling' nothing after a test"),
        ({"scheme": "kfold", "sampler": "tpe", "trials": 5}, "learn"),
        ({"scheme": "kfold", "objective": "end_equity"}, "objective"),
    ],
)
def test_a_wrong_argument_is_told(more: dict, words: str) -> None:
    with pytest.raises(errors.InputError, match=words):
        ap.walk_forward(*WINDOW, **GIVEN | more)


class Doomed(Planned):
    """Raises where a file that its plan names is not there."""

    def on_start(self) -> None:
        for name in self._plan:
            if name.startswith("/") and not Path(name).exists():
                raise RuntimeError("this one fails")
        self._plan = {name: shares for name, shares in self._plan.items() if not name.startswith("/")}
        super().on_start()


def test_a_fold_that_failed_is_told_and_run_again_where_asked(shared: LocalCluster, tmp_path: Path) -> None:
    known = sessions("CRYPTO")
    first = int(np.searchsorted(known.days, np.datetime64("2024-01-01")))
    write(
        "TOY",
        "1d",
        known.closes[first : first + 30],
        [(each, each + 2, each - 2, each + 1) for each in range(100, 130)],
        venue="CRYPTO",
    )
    late = tmp_path / "late"
    grid = {"plan": [{str(late): 0, "1": 10}, {}]}
    given = {"grid": grid, "objective": "end_equity", "train": 20, "test": 10, "progress": False}
    walked = ap.walk_forward(Doomed, "TOY", "1d", **given)
    told = "1 of 3 trials failed, the first, "
    assert (
        told in walked.text(400) and "RuntimeError: this one fails" in walked.text(400) and told in walked._repr_html_()
    )
    late.touch()
    assert told in ap.walk_forward(Doomed, "TOY", "1d", **given).text(400), "what is recorded is not run again"
    again = ap.walk_forward(Doomed, "TOY", "1d", retry=True, **given)
    assert again.folds[0].parameters == {"plan": grid["plan"][0]} and "failed" not in again.text(400)


def test_a_fold_whose_test_failed_says_that_it_counts_as_cash(shared: LocalCluster) -> None:
    known = sessions("CRYPTO")
    first = int(np.searchsorted(known.days, np.datetime64("2024-01-01")))
    write("TOY", "1d", known.closes[first : first + 30], [SIX[0]] * 30, venue="CRYPTO")
    given = {"objective": "end_equity", "train": 20, "test": 10, "progress": False}
    walked = ap.walk_forward(FailsInFewBars, "TOY", "1d", grid={"plan": [{"1": 1}]}, **given)
    assert walked.table.status.tolist() == ["failed"] and not walked.returns.any()
    assert "1 fold of 1 (0) counts as cash" in walked.text(400) and "counts as cash" in walked._repr_html_()
    assert repr(walked).endswith(": 1 fold>")
    more = ap.walk_forward(FailsInFewBars, "TOY", "1d", grid={"plan": [{"1": 1}]}, **given | {"test": 5})
    assert "2 folds of 2 (0, 1) count as cash" in more.text(400)


class FailsInFewBars(Planned):
    """Raises as it stops where it has seen fewer bars than a train window has."""

    def on_stop(self) -> None:
        if self._seen < 20:
            raise RuntimeError("too few")
