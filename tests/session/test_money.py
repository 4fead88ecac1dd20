"""Corporate actions and financing in money, each against a computation by hand in the test's own comments."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from nautilus_trader.model import Bar, BarType, InstrumentId, OrderSide, Quantity
from nautilus_trader.trading import Strategy

import alphapulse_lib as ap
from alphapulse_lib.catalog import actions
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.errors import InputError
from alphapulse_lib.views import changed
from tests.resources.toy_market import Planned, write

TIME = pa.timestamp("ns", "UTC")


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalog of the test's own."""
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(tmp_path / "catalog"))
    return tmp_path


class Telling(Planned):
    """Prints its account's balance on each bar, and trades to its plan."""

    def on_bar(self, bar: Bar) -> None:
        print("balance", self.portfolio.account(bar.bar_type.instrument_id.venue).balance_total())  # noqa: T201
        super().on_bar(bar)


@dataclass(frozen=True)
class BothConfig:
    instrument_ids: list[InstrumentId]
    bar_types: list[BarType]
    plan: Mapping[str, int]


class Both(Strategy):
    """Sends the same market order for every instrument on each bar of the first one that its plan names."""

    def __init__(self, config: BothConfig) -> None:
        super().__init__(config)
        self._given, self._seen = config, 0

    def on_start(self) -> None:
        for each in self._given.bar_types:
            self.subscribe_bars(each)

    def on_bar(self, bar: Bar) -> None:
        if bar.bar_type.instrument_id != self._given.instrument_ids[0]:
            return
        self._seen += 1
        shares = self._given.plan.get(str(self._seen), 0)
        for each in self._given.instrument_ids if shares else ():
            side = OrderSide.BUY if shares > 0 else OrderSide.SELL
            self.submit_order(self.order_factory.market(each, side, Quantity.from_int(abs(shares))))


class Stopping(Planned):
    """Sends a stop at 100.50 where its plan names a bar."""

    def on_bar(self, bar: Bar) -> None:
        self._seen += 1
        if shares := self._plan.get(str(self._seen), 0):
            trigger = self.cache.instrument(self._id).make_price(100.5)
            side = OrderSide.BUY if shares > 0 else OrderSide.SELL
            self.submit_order(self.order_factory.stop_market(self._id, side, Quantity.from_int(abs(shares)), trigger))


class Offering(Planned):
    """Offers at 150 where its plan names a bar."""

    def on_bar(self, bar: Bar) -> None:
        self._seen += 1
        if shares := self._plan.get(str(self._seen), 0):
            price = self.cache.instrument(self._id).make_price(150.0)
            self.submit_order(self.order_factory.limit(self._id, OrderSide.SELL, Quantity.from_int(shares), price))


def closes_of(first: str, last: str) -> list[int]:
    """The closes of the sessions of Nasdaq between two days."""
    known = sessions("XNAS")
    days = (np.datetime64(first), np.datetime64(last) + np.timedelta64(1, "D"))
    begin, end = (each.astype("datetime64[ns]").astype(np.int64) for each in days)
    return [int(each) for each in known.closes if begin <= each < end]


def act(*rows: dict[str, Any]) -> None:
    """Write corporate actions; each known from its ex-date's first moment in UTC unless told."""
    table = pa.table(
        {
            "instrument_id": [row.get("id", "AAA.XNAS") for row in rows],
            "kind": [row["kind"] for row in rows],
            "ex_date": pa.array([row["ex"] for row in rows], pa.date32()),
            "ratio": pa.array([row.get("ratio") for row in rows], pa.float64()),
            "amount": pa.array([row.get("amount") for row in rows], pa.float64()),
            "new_symbol": [row.get("new_symbol", "") for row in rows],
            "available_at": pa.array([row.get("known", row["ex"]) for row in rows]).cast(TIME),
            "source": ["toy"] * len(rows),
        }
    )
    actions.write(Roots.of_settings().writable, table, "toy-actions")


def test_a_long_is_paid_a_dividend_before_and_after_a_split(toy: Path) -> None:
    # Ten sessions from Monday 2 March 2020; open = close of each day, as traded:
    #   2: 100   3: 100   4: 100   5: 99   6: 99   9: 49.5 (2:1 split)   10: 50   11: 50   12: 49.6   13: 50
    prices = [100.0, 100.0, 100.0, 99.0, 99.0, 49.5, 50.0, 50.0, 49.6, 50.0]
    write("AAA", "1d", closes_of("2020-03-02", "2020-03-13"), [(each, each, each, each) for each in prices])
    act(
        {"kind": "dividend", "ex": date(2020, 3, 5), "amount": 1.0},
        {"kind": "split", "ex": date(2020, 3, 9), "ratio": 2.0},
        {"kind": "dividend", "ex": date(2020, 3, 12), "amount": 0.4},
    )
    run = ap.backtest(Planned, "AAA", "1d", params={"plan": {"1": 10, "9": -5}}, cash=10_000, progress=False)
    # Bought 10 at the open of the 3rd at 100: cash 10,000 - 1,000 = 9,000.
    # Ex-date the 5th: 10 shares x 1.00 = 10.00, cash 9,010.
    # The 9th: 10 shares become 20. Ex-date the 12th: 20 x 0.40 = 8.00, cash 9,018.
    # Sold 5 engine shares, 10 as traded, at the open of the 13th at 50: 500.00, cash 9,518; 10 shares left.
    flows = run.cash_flows
    assert flows.kind.tolist() == ["dividend", "dividend"]
    assert flows.symbol.tolist() == ["AAA", "AAA"]
    assert flows.amount.tolist() == [10.0, 8.0]
    assert run.account.cash.tolist() == [10_000, 9_000, 9_000, 9_010, 9_010, 9_010, 9_010, 9_010, 9_018, 9_518]
    worth = [0, 1000, 1000, 990, 990, 990, 1000, 1000, 992, 500]
    assert run.equity.tolist() == pytest.approx([c + w for c, w in zip(run.account.cash, worth, strict=True)], abs=1e-9)
    assert run.equity.iloc[-1] == pytest.approx(10_018.00, abs=1e-9)
    # Held from the first close on: 100 shares at 100, paid 100.00 on the 5th; 200 shares, paid 80.00 on the 12th.
    held = [10_000, 10_000, 10_000, 10_000, 10_000, 10_000, 10_100, 10_100, 10_100, 10_180]
    assert run.benchmark.tolist() == pytest.approx(held, abs=1e-9)


def test_a_short_over_a_split_and_a_dividend_pays_the_dividend_and_the_fee_of_its_shares(toy: Path) -> None:
    # Sold short 10 at the open of Tuesday the 3rd at 100. 2:1 split on the 9th, a dividend of 0.40 on the 12th; bought
    # back 10 engine shares, 20 as traded, at the open of the 13th at 50. Borrow fee 3.6 % a year: a hundredth of a per
    # cent a day, of the value at the last close.
    prices = [100.0, 100.0, 100.0, 99.0, 99.0, 49.5, 50.0, 50.0, 49.6, 50.0]
    write("AAA", "1d", closes_of("2020-03-02", "2020-03-13"), [(each, each, each, each) for each in prices])
    act(
        {"kind": "split", "ex": date(2020, 3, 9), "ratio": 2.0},
        {"kind": "dividend", "ex": date(2020, 3, 12), "amount": 0.4},
    )
    run = ap.backtest(
        Planned,
        "AAA",
        "1d",
        params={"plan": {"1": -10, "9": 10}},
        cash=10_000,
        costs={"borrow_percent": 3.6},
        progress=False,
    )
    flows = [(row.ts.date().isoformat(), row.kind, round(row.amount, 6)) for row in run.cash_flows.itertuples()]
    assert flows == [
        ("2020-03-04", "borrow", -0.1),  # 10 x 100 on the 3rd, one night
        ("2020-03-05", "borrow", -0.1),  # 10 x 100 on the 4th
        ("2020-03-06", "borrow", -0.099),  # 10 x 99
        ("2020-03-09", "borrow", -0.297),  # 10 x 99 on Friday the 6th, three nights
        ("2020-03-10", "borrow", -0.099),  # 20 x 49.50
        ("2020-03-11", "borrow", -0.1),  # 20 x 50
        ("2020-03-12", "borrow", -0.1),  # 20 x 50
        ("2020-03-12", "dividend", -8.0),  # 20 x 0.40, charged
        ("2020-03-13", "borrow", -0.0992),  # 20 x 49.60
    ]
    # 10,000 + 1,000 - 8.00 - 0.9942 - 20 x 50
    assert run.equity.iloc[-1] == pytest.approx(9_991.0058, abs=1e-8)
    assert run.account.cash.iloc[1] == pytest.approx(11_000.00, abs=1e-9)
    assert run.account.cash.iloc[5] == pytest.approx(11_000 - 0.596, abs=1e-9)


@pytest.mark.parametrize(("ratio", "torn"), [(2.0, (100, 104, 49, 51)), (0.5, (100, 204, 98, 204))])
def test_a_week_that_a_split_tears_opens_with_the_shares_of_before(
    toy: Path, ratio: float, torn: tuple[int, ...]
) -> None:
    # Weeks that close on the Fridays 7, 14 (split on Wednesday the 12th), 21 and 28 February 2020. Bought 10 on Monday
    # the 10th at the open of 100: 1,000.00, and 0.01 a share for ten. They are 20 (or 5) by Friday, at 51 (or 204). The
    # dividend of 1.00 on the Thursday after the split is for 20 (or 5). Sold at Monday's open, at what Friday closed.
    fridays = [closes_of(f"2020-02-{day:02}", f"2020-02-{day:02}")[0] for day in (7, 14, 21, 28)]
    after = torn[3]
    write("AAA", "1w", fridays, [(100, 101, 99, 100), torn, (after,) * 4, (after,) * 4])
    act(
        {"kind": "split", "ex": date(2020, 2, 12), "ratio": ratio},
        {"kind": "dividend", "ex": date(2020, 2, 13), "amount": 1.0},
    )
    given = {"cash": 10_000, "costs": {"per_share": 0.01}, "progress": False}
    run = ap.backtest(Planned, "AAA", "1w", params={"plan": {"1": 10, "2": -10}}, **given)
    shares = 10 * ratio
    assert run.fills.commission.tolist() == pytest.approx([0.10, shares * 0.01], abs=1e-9)
    assert run.cash_flows.amount.tolist() == [shares * 1.0]
    bought = 10_000 - 1_000 - 0.10 + shares
    sold = bought + shares * after - shares * 0.01
    assert run.equity.tolist() == pytest.approx([10_000, bought + shares * after, sold, sold], abs=1e-9)
    # A limit of before at 150 was never met: the price went no higher than 104 of the old shares, or to 204 of two.
    resting = ap.backtest(Offering, "AAA", "1w", params={"plan": {"1": 10}}, **given)
    assert resting.orders.status.tolist() == ["accepted"]


def test_the_volume_weighted_price_of_such_a_week_is_in_shares_of_after(toy: Path) -> None:
    # Half an hour of Monday with 1,000 old shares at 100 is 2,000 new ones at 50; one of Friday has 2,000 at 51.
    fridays = [closes_of(f"2020-02-{day:02}", f"2020-02-{day:02}")[0] for day in (7, 14, 21)]
    write("AAA", "1w", fridays, [(100.0,) * 4, (100, 100, 51, 51), (51.0,) * 4], volume=[1000, 3000, 1000])
    halves = [fridays[0], closes_of("2020-02-10", "2020-02-10")[0], *fridays[1:]]
    write("AAA", "30m", halves, [(each,) * 4 for each in (100.0, 100.0, 51.0, 51.0)], volume=[1000, 1000, 2000, 1000])
    act({"kind": "split", "ex": date(2020, 2, 12), "ratio": 2.0})
    given = {"fill": "vwap", "cash": 10_000, "gaps": "allow", "progress": False}
    run = ap.backtest(Planned, "AAA", "1w", params={"plan": {"1": 10}}, **given)
    assert run.fills[["quantity", "price"]].values.tolist() == [[20, 50.5]]
    assert run.equity.tolist() == pytest.approx([10_000, 10_000 + 20 * 0.5, 10_010], abs=1e-9)


def test_interest_is_paid_on_cash_and_charged_on_debt_over_a_weekend(toy: Path) -> None:
    # Bought 15 at the open of Thursday the 5th at 1,000 with 10,000: owed 5,000 from then on. Sold on Tuesday the 10th.
    # 1.8 % a year on cash is 0.005 % a day, 7.2 % on debt 0.02 %.
    days = closes_of("2020-03-04", "2020-03-11")
    write("AAA", "1d", days, [(1_000.0,) * 4] * len(days))
    with pytest.warns(UserWarning, match=r"held up to 1\.50 times its equity\.$"):
        run = ap.backtest(
            Planned,
            "AAA",
            "1d",
            params={"plan": {"1": 15, "4": -15}},
            cash=10_000,
            costs=ap.Costs(interest_percent=1.8, debit_percent=7.2),
            progress=False,
        )
    assert [(row.ts.date().isoformat(), row.kind) for row in run.cash_flows.itertuples()] == [
        (f"2020-03-{day}", "interest") for day in ("05", "06", "09", "10", "11")
    ]
    # Night to the 5th: 10,000 x 0.00005 = 0.50. To the 6th: 4,999.50 owed x 0.0002 = 0.9999. To the 9th: 5,000.4999 x
    # 0.0002 x 3 = 3.00029994. To the 10th: 5,003.50019994 x 0.0002 = 1.000700039988. On the 10th 15,000 come in: to the
    # 11th 9,995.499100020012 x 0.00005 = 0.499774955001 is paid.
    assert run.cash_flows.amount.tolist() == pytest.approx(
        [0.50, -0.9999, -3.00029994, -1.000700039988, 0.499774955001], abs=1e-9
    )
    assert run.equity.iloc[-1] == pytest.approx(9_995.998874975, abs=1e-8)


def test_what_shorts_were_sold_for_earns_no_interest(toy: Path) -> None:
    days = closes_of("2020-03-02", "2020-03-04")
    write("AAA", "1d", days, [(100.0,) * 4] * len(days))
    run = ap.backtest(
        Planned, "AAA", "1d", params={"plan": {"1": -50}}, cash=10_000, costs={"interest_percent": 3.6}, progress=False
    )
    # Sold 50 at 100 on the 3rd: cash 15,000, of which 5,000 stand against the shares. Nights to the 3rd and to the 4th:
    # 10,000 x 0.0001 = 1.00, 10,001 x 0.0001 = 1.0001.
    assert run.cash_flows.amount.tolist() == pytest.approx([1.0, 1.0001], abs=1e-9)


def test_spread_slippage_impact_and_fees_are_taken_apart(toy: Path) -> None:
    # 100 shares bought at the open of the 3rd at 50, when the last bar that had closed held 10,000: one per cent of it.
    # Slippage 2 bp = 1.00, half spread 0.01 a share = 1.00, impact 40 bp x 0.1 = 4 bp = 2.00: 4.00 of 5,000 = 8 bp.
    # Sold at the open of the 4th at 60 after a bar of 40,000: half spread 1.00, slippage 1.20, impact 40 bp x 0.05 =
    # 2 bp = 1.20, in all 3.40. IBKR's fixed commission of 100 shares: 1.00 each; SEC fee of 6,000 - 3.40 = 0.16670548,
    # trading activity fee 0.0166, audit trail 0.0048 each.
    days = closes_of("2020-03-02", "2020-03-04")
    write("AAA", "1d", days, [(50.0,) * 4, (50.0,) * 4, (60.0,) * 4], volume=[10_000, 40_000, 5])
    costs = ap.Costs.preset("ibkr-pro-fixed", slippage_bps=2, half_spread=0.01, impact_bps=40)
    run = ap.backtest(
        Planned, "AAA", "1d", params={"plan": {"1": 100, "2": -100}}, cash=10_000, costs=costs, progress=False
    )
    fills = run.fills
    assert fills.price.tolist() == pytest.approx([50.04, 59.966], abs=1e-9)
    assert fills.slippage.tolist() == pytest.approx([4.00, 3.40], abs=1e-9)
    assert fills.spread.tolist() == pytest.approx([1.00, 1.00], abs=1e-9)
    assert fills.impact.tolist() == pytest.approx([2.00, 1.20], abs=1e-9)
    assert fills.fees.tolist() == pytest.approx([0.0048, 0.0048 + 0.16670548 + 0.0166], abs=1e-9)
    assert fills.commission.tolist() == pytest.approx((fills.fees + 1.0).tolist(), abs=1e-9)
    # 1,000 made, less 7.40 and 2.00 and the fees
    assert run.equity.iloc[-1] == pytest.approx(10_000 + 1_000 - 7.40 - 2.00 - 0.19290548, abs=1e-8)


def test_an_order_that_fills_in_parts_moves_the_market_as_a_whole(toy: Path) -> None:
    # A stop of 1,000 shares finds a quarter of the bar's 1,000 at 100.50, the rest a tick beyond. The whole is all of
    # the volume of the bar before: 100 bp of 25,125 + 75,375.075. Its commission is 1,000 x 0.002 once.
    days = closes_of("2020-03-02", "2020-03-04")
    write("AAA", "1d", days, [(100.0, 101.0, 99.0, 100.0)] * 3)
    costs = {"impact_bps": 100, "per_share": 0.002, "minimum": 1.5}
    run = ap.backtest(Stopping, "AAA", "1d", params={"plan": {"1": 1000}}, cash=200_000, costs=costs, progress=False)
    assert run.fills.quantity.tolist() == [250, 750]
    assert run.fills.commission.tolist() == pytest.approx([1.5, 0.5], abs=1e-9)
    assert run.fills.impact.tolist() == pytest.approx([25_125 * 0.005, 1_005.00075 - 25_125 * 0.005], abs=1e-9)
    # Marked at the close, at 100.
    assert run.equity.iloc[-1] == pytest.approx(200_000 - 500 - 0.075 - 1_005.00075 - 2, abs=1e-6)


def test_the_strategys_own_account_has_the_money_when_it_was_paid(toy: Path) -> None:
    days = closes_of("2020-03-02", "2020-03-06")
    write("AAA", "1d", days, [(100.0,) * 4] * len(days))
    act({"kind": "dividend", "ex": date(2020, 3, 5), "amount": 1.0})
    run = ap.backtest(Telling, "AAA", "1d", params={"plan": {"1": 10}}, cash=10_000, progress=False)
    told = [line.split()[-2] for line in run.log.splitlines() if line.startswith("balance")]
    # The margin account's balance leaves out what the position cost; on the ex-date's own close it has the 10.00.
    assert [float(each) for each in told] == [10_000, 10_000, 10_000, 10_010, 10_010]


@pytest.mark.parametrize("known", [date(2020, 3, 9), date(2020, 3, 30)])
def test_a_dividend_that_became_known_late_is_paid_late_or_not_at_all(toy: Path, known: date) -> None:
    days = closes_of("2020-03-02", "2020-03-10")
    write("AAA", "1d", days, [(100.0,) * 4] * len(days))
    act({"kind": "dividend", "ex": date(2020, 3, 5), "amount": 1.0, "known": known})
    # Sold again on the 6th: who held on the ex-date is paid all the same, once it was known.
    run = ap.backtest(Planned, "AAA", "1d", params={"plan": {"1": 10, "4": -10}}, cash=10_000, progress=False)
    late = ["2020-03-09"] if known.day == 9 else []
    assert [row.ts.date().isoformat() for row in run.cash_flows.itertuples()] == late
    assert run.equity.tolist() == [10_000] * 5 + [10_010 if late else 10_000] * 2


@pytest.mark.parametrize("corrected", [date(2020, 3, 9), date(2026, 1, 2)])
def test_a_dividend_that_was_corrected_is_paid_on_its_day_as_it_is_right(toy: Path, corrected: date) -> None:
    days = closes_of("2020-03-02", "2020-03-10")
    write("AAA", "1d", days, [(100.0,) * 4] * len(days))
    given = {"params": {"plan": {"1": 10}}, "cash": 10_000, "progress": False}
    act({"kind": "dividend", "ex": date(2020, 3, 5), "amount": 1.0})
    before = ap.backtest(Planned, "AAA", "1d", **given)
    act({"kind": "dividend", "ex": date(2020, 3, 5), "amount": 1.5, "known": corrected})
    after = ap.backtest(Planned, "AAA", "1d", **given)
    # Ten shares: 10.00 by what was told first, 15.00 by what is right; on the ex-date, the fourth session.
    assert before.equity.tolist() == [10_000] * 3 + [10_010] * 4
    assert after.equity.tolist() == [10_000] * 3 + [10_015] * 4
    # A delisting that was corrected ends a holding like any other.
    act({"kind": "delisting", "ex": date(2020, 3, 11), "amount": 90.0})
    act({"kind": "delisting", "ex": date(2020, 3, 11), "amount": 95.0, "known": date(2026, 1, 2)})
    ended = ap.backtest(Planned, "AAA", "1d", **given)
    assert ended.equity.iloc[-1] == 10_015 - 10 * (100 - 95)
    assert ap.rerun(before, progress=False).identical
    found = ap.diff(before, after).first
    assert (found.kind, found.name, found.one, found.other) == ("data", "actions AAA.XNAS", "amount 1.0", "amount 1.5")
    assert [(each.name, each.rows) for each in ap.run(before.id).changes] == [("actions", 1)]


def test_a_dividend_that_another_source_told_sooner_is_named_as_what_differs(toy: Path) -> None:
    days = closes_of("2020-03-02", "2020-03-10")
    write("AAA", "1d", days, [(100.0,) * 4] * len(days))
    given = {"params": {"plan": {"1": 10}}, "cash": 10_000, "progress": False}

    def swept() -> ap.Run:
        plan = {"plan": [{"1": 10}]}
        (trial,) = ap.sweep(Planned, "AAA", "1d", grid=plan, cash=10_000, progress=False).trials
        return ap.run(trial.record.id)

    act({"kind": "dividend", "ex": date(2020, 3, 5), "amount": 1.0, "known": date(2020, 3, 9)})
    before, tried = ap.backtest(Planned, "AAA", "1d", **given), swept()
    act({"kind": "dividend", "ex": date(2020, 3, 5), "amount": 1.0, "known": date(2020, 3, 4)})
    after = ap.backtest(Planned, "AAA", "1d", **given)
    assert [run.equity.tolist().count(10_010) for run in (tried, swept())] == [2, 4]
    assert [run.equity.tolist().count(10_010) for run in (before, after)] == [2, 4]
    assert before.record.facts == after.record.facts, "nothing of what was paid is another"
    found = ap.diff(before, after).first
    assert (found.kind, found.name) == ("data", "actions AAA.XNAS dividend 2020-03-05")
    assert (found.one, found.other) == (
        "known from 2020-03-09 00:00:00 UTC on",
        "known from 2020-03-05 05:00:00 UTC on",
    )
    later = ap.run(before.id)
    assert [(each.name, each.rows, each.only_known) for each in later.changes] == [("actions", 1, True)]
    told = changed.told(later.record, later.changes)
    assert "1 corporate action could be known at other moments, first at 2020-03-05." in told
    assert ap.rerun(before, progress=False).text.partition(" are ")[2].startswith("identical")
    assert ap.run(after.id).changes == ()


def test_dividends_are_left_out_where_that_is_asked(toy: Path) -> None:
    days = closes_of("2020-03-02", "2020-03-06")
    write("AAA", "1d", days, [(100.0,) * 4] * len(days))
    act({"kind": "dividend", "ex": date(2020, 3, 5), "amount": 1.0})
    given = {"params": {"plan": {"1": 10}}, "cash": 10_000, "progress": False}
    paid, unpaid = (ap.backtest(Planned, "AAA", "1d", dividends=each, **given) for each in (None, False))
    assert (paid.spec.dividends, paid.equity.iloc[-1]) == (True, 10_010)
    assert (unpaid.spec.dividends, unpaid.equity.iloc[-1], len(unpaid.cash_flows)) == (False, 10_000, 0)
    assert "dividends" not in unpaid.spec.as_dict()
    with pytest.raises(InputError, match="does not go with adjust='none'"):
        ap.backtest(Planned, "AAA", "1d", adjust="none", dividends=True, **given)


def test_a_spin_off_is_paid_what_it_was_worth_once_that_was_known(toy: Path) -> None:
    days = closes_of("2020-03-02", "2020-03-09")
    prices = [100.0, 100.0, 100.0, 90.0, 90.0, 90.0]
    write("AAA", "1d", days, [(each,) * 4 for each in prices])
    write("BBB", "1d", days[3:], [(21.0, 21.0, 20.0, 20.0)] * 3)
    act({"kind": "spin_off", "ex": date(2020, 3, 5), "ratio": 0.5, "new_symbol": "BBB"})
    run = ap.backtest(Planned, "AAA", "1d", params={"plan": {"1": 10}}, cash=10_000, progress=False)
    # Ten shares bring five of BBB, which first close at 20 on the ex-date: 100.00.
    assert run.cash_flows[["kind", "amount"]].values.tolist() == [["spin_off", 100.0]]
    assert run.equity.tolist() == [10_000] * 6


def test_a_spin_off_that_nothing_values_is_named(toy: Path) -> None:
    days = closes_of("2020-03-02", "2020-03-06")
    write("AAA", "1d", days, [(100.0,) * 4] * len(days))
    act({"kind": "spin_off", "ex": date(2020, 3, 5), "ratio": 0.5, "new_symbol": "BBB"})
    with pytest.warns(UserWarning, match="AAA spun off BBB on 2020-03-05"):
        run = ap.backtest(Planned, "AAA", "1d", params={"plan": {"1": 10}}, cash=10_000, progress=False)
    assert len(run.cash_flows) == 0


def test_a_delisted_holding_is_closed_at_its_last_price_and_nothing_follows(toy: Path) -> None:
    # AAA trades on until the 10th, BBB for the last time on Thursday the 5th, at 42; delisted from the 6th on. Bought
    # 10 of each at the open of the 3rd, at 100 and at 50: cash 10,000 - 1,500. BBB brings 10 x 42 = 420.00 on the 6th.
    # The sale of BBB that is sent on the 6th never fills.
    days = closes_of("2020-03-02", "2020-03-10")
    write("AAA", "1d", days, [(100.0,) * 4] * len(days))
    write("BBB", "1d", days[:4], [(50.0, 50.0, 42.0, each) for each in (50.0, 50.0, 45.0, 42.0)])
    act({"id": "BBB.XNAS", "kind": "delisting", "ex": date(2020, 3, 6)})
    with pytest.warns(UserWarning, match="BBB was delisted: what was held of it was closed at 42"):
        run = ap.backtest(Both, ["AAA", "BBB"], "1d", params={"plan": {"1": 10, "5": -10}}, cash=10_000, progress=False)
    closing = run.fills[run.fills.order_id == "delisting"]
    assert [(row.symbol, row.side, row.quantity, row.price, row.commission) for row in closing.itertuples()] == [
        ("BBB", "sell", 10, 42.0, 0.0)
    ]
    assert closing.ts.iloc[0].isoformat() == "2020-03-06T05:00:00+00:00"  # midnight in New York
    assert run.account.cash.tolist() == [10_000, 8_500, 8_500, 8_500, 8_920, 9_920, 9_920]
    assert run.equity.tolist() == [10_000, 10_000, 9_950, 9_920, 9_920, 9_920, 9_920]
    assert run.positions.empty
    lost = run.trades[run.trades.symbol == "BBB"]
    assert lost[["quantity", "entry_price", "exit_price", "pnl"]].values.tolist() == [[10, 50.0, 42.0, -80.0]]


@pytest.mark.parametrize(
    ("told", "price"),
    [
        ({"amount": 45.0}, 45.0),
        ({"amount": 0.0}, 0.0),
        ({"ratio": 0.5, "new_symbol": "CCC", "amount": 3.0}, 47.0),
        ({}, 40.0),
    ],
    ids=["cash", "worthless", "cash-and-shares", "nothing-told"],
)
def test_a_delisting_pays_what_holders_got(toy: Path, told: dict[str, Any], price: float) -> None:
    # Sold short 10 at the open of the 3rd at 50, 2:1 split on the 5th: 20 as traded, which last closed at 40 and are
    # closed at what a holder got: half a share of CCC, at its last close of 88 before, and 3.00 are 47.00.
    days = closes_of("2020-03-02", "2020-03-05")
    write("BBB", "1d", days, [(50.0,) * 4] * 3 + [(25.0, 40.0, 25.0, 40.0)])
    write("CCC", "1d", days, [(88.0,) * 4] * len(days))
    act(
        {"id": "BBB.XNAS", "kind": "split", "ex": date(2020, 3, 5), "ratio": 2.0},
        {"id": "BBB.XNAS", "kind": "delisting", "ex": date(2020, 3, 6), **told},
    )
    with pytest.warns(UserWarning, match=rf"closed at {price:g}\."):
        run = ap.backtest(Planned, "BBB", "1d", params={"plan": {"1": -10}}, cash=10_000, gaps="allow", progress=False)
    closing = run.fills.iloc[-1]
    assert (closing.side, closing.quantity, closing.price) == ("buy", 20, price)
    assert run.equity.iloc[-1] == pytest.approx(10_500 - 20 * price, abs=1e-9)
    # Held from the first close on: 200 shares at 50, 400 since the split.
    assert run.benchmark.tolist() == pytest.approx([10_000] * 3 + [400 * price], abs=1e-9)
    assert run.stats["benchmark_return"] == pytest.approx(400 * price / 10_000 - 1, abs=1e-12)


def test_buying_and_holding_has_what_a_delisting_left_from_its_day_on(toy: Path) -> None:
    # 50 of AAA and 100 of BBB at the first closes. BBB closes at 45 on the 4th and at 42 on the 5th, brings 1.00 on the
    # 4th, and is delisted on the 6th, a Friday, for 30.00, which is known on Monday the 9th.
    days = closes_of("2020-03-02", "2020-03-10")
    write("AAA", "1d", days, [(100.0,) * 4] * len(days))
    write("BBB", "1d", days[:4], [(each,) * 4 for each in (50.0, 50.0, 45.0, 42.0)])
    act(
        {"id": "BBB.XNAS", "kind": "dividend", "ex": date(2020, 3, 4), "amount": 1.0},
        {"id": "BBB.XNAS", "kind": "delisting", "ex": date(2020, 3, 6), "amount": 30.0, "known": date(2020, 3, 9)},
    )
    run = ap.backtest(Both, ["AAA", "BBB"], "1d", params={"plan": {}}, cash=10_000, progress=False)
    assert run.benchmark.tolist() == pytest.approx([10_000, 10_000, 9_600, 9_300, 9_300, 8_100, 8_100], abs=1e-9)
    assert ap.rerun(run, progress=False).identical


@pytest.mark.parametrize("shares", [10, -10])
def test_what_is_distributed_between_the_last_bar_and_the_delisting_is_paid_and_charged(toy: Path, shares: int) -> None:
    """A company that is wound up distributes what it has while its shares trade no more."""
    days = closes_of("2020-03-02", "2020-03-13")
    write("AAA", "1d", days[:4], [(50.0,) * 4] * 4)
    write("BBB", "1d", days, [(20.0,) * 4] * len(days))
    act(
        {"kind": "dividend", "ex": date(2020, 3, 9), "amount": 30.0},
        {"kind": "dividend", "ex": date(2020, 3, 11), "amount": 10.0},
        {"kind": "delisting", "ex": date(2020, 3, 11), "amount": 0.5},
        {"kind": "dividend", "ex": date(2020, 3, 12), "amount": 7.0},
    )
    run = ap.backtest(
        Both, ["AAA", "BBB"], "1d", params={"plan": {"1": shares}}, cash=10_000, gaps="allow", progress=False
    )
    paid = [(f"{row.ts:%Y-%m-%d}", row.amount) for row in run.cash_flows.itertuples()]
    assert paid == [("2020-03-09", 30.0 * shares), ("2020-03-11", 10.0 * shares)]
    # Of 50.00 a share 30.00 came on the 9th, and 10.00 with the last 0.50 on the 11th; for shorts the other way.
    made = [0.0] * 5 + [30.0] * 2 + [-9.5] * 3
    assert run.equity.tolist() == pytest.approx([10_000 + shares * each for each in made])
    # 5,000 of each: a hundred shares of the one are worth 40.50 each from the 11th on.
    assert run.benchmark.iloc[-1] == pytest.approx(5_000 + 100 * 40.5)


def test_what_is_held_of_an_instrument_whose_bars_end_long_before_the_runs_is_named(toy: Path) -> None:
    # Nobody says that BBB was delisted, or why its bars end on the 5th: it counts at 42 until the 20th, and the order
    # to sell it, sent on Monday the 9th, never fills.
    days = closes_of("2020-03-02", "2020-03-20")
    write("AAA", "1d", days, [(100.0,) * 4] * len(days))
    write("BBB", "1d", days[:4], [(50.0, 50.0, 42.0, each) for each in (50.0, 50.0, 45.0, 42.0)])
    given = {"cash": 10_000, "progress": False}
    with pytest.warns(UserWarning, match="bars of BBB end") as warned:
        run = ap.backtest(Both, ["AAA", "BBB"], "1d", params={"plan": {"1": 10, "6": -10}}, **given)
    (said,) = (str(each.message) for each in warned if "BBB" in str(each.message))
    assert said == (
        "The 1d bars of BBB end on 2020-03-05, and the run's on 2020-03-20: the 10 that are held long stay at its last "
        "price, 42, and 1 order sent since then never filled. Where it was delisted, import that (kind='actions'), "
        "which ends a holding."
    )
    assert run.equity.iloc[-1] == 10_000 - 10 * (50 - 42)
    # What is sold at its last close is over: an order that filled is none that never did.
    with warnings.catch_warnings(record=True):
        run = ap.backtest(Both, ["AAA", "BBB"], "1d", params={"plan": {"1": 10, "4": -10}}, fill="close", **given)
    assert not any("bars of BBB end" in each for each in run.warnings)
    # What is not held at the end, and was not to be traded since, is nobody's concern; nor is an end of a few days ago.
    for end, plan in (("2020-03-20", {"1": 10, "2": -10}), ("2020-03-11", {"1": 10})):
        with warnings.catch_warnings(record=True):
            run = ap.backtest(Both, ["AAA", "BBB"], "1d", None, end, params={"plan": plan}, **given)
        assert not any("bars of BBB end" in each for each in run.warnings)


def test_no_fee_is_due_for_a_share_that_was_delisted(toy: Path) -> None:
    days = closes_of("2020-03-02", "2020-03-10")
    write("AAA", "1d", days, [(100.0,) * 4] * len(days))
    write("BBB", "1d", days[:4], [(50.0,) * 4] * 4)
    act({"id": "BBB.XNAS", "kind": "delisting", "ex": date(2020, 3, 6)})
    with pytest.warns(UserWarning, match="BBB was delisted"):
        run = ap.backtest(
            Both,
            ["AAA", "BBB"],
            "1d",
            params={"plan": {"1": -10}},
            cash=10_000,
            costs={"borrow_percent": 3.6},
            progress=False,
        )
    # Ten of each short from the 3rd on; of BBB the nights to the 4th, to the 5th and to the 6th.
    assert run.cash_flows[run.cash_flows.symbol == "BBB"].amount.tolist() == pytest.approx([-0.05] * 3, abs=1e-12)
    assert run.cash_flows[run.cash_flows.symbol == "AAA"].amount.sum() == pytest.approx(-0.1 * 7, abs=1e-12)
