"""The tearsheet: what it says, that it is whole and offline, and how a real browser shows and prints it."""

from __future__ import annotations

import hashlib
import re
import shutil
import warnings
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_runs import CLOSES, DAYS, fills, kept, marks, orders, raw, rising

from alphapulse_lib.engine.request import POSITIONS
from alphapulse_lib.model.run import Costs, Series
from alphapulse_lib.model.window import FOREVER
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.results.run import Run
from alphapulse_lib.views import tearsheet

CHROMIUM = shutil.which("chromium")
#: Would run where it is taken for the page's own; as an instrument may be called, without a space.
EVIL = "<svg/onload=window.ran=1>\"'><b>"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def page(ledger: Ledger, status: str = "finished", **changes: object) -> str:
    return tearsheet.html(Run(kept(ledger, status, **changes), ledger))


def words(html: str) -> str:
    """What a reader sees, one space between."""

    class Words(HTMLParser):
        found: list[str]
        hidden = 0

        def handle_starttag(self, tag: str, attrs: object) -> None:
            self.hidden += tag in ("style", "script")

        def handle_endtag(self, tag: str) -> None:
            self.hidden -= tag in ("style", "script")

        def handle_data(self, data: str) -> None:
            if not self.hidden:
                self.found.append(data)

    reader = Words()
    reader.found = []
    reader.feed(html)
    return " ".join(" ".join(reader.found).split())


def attributes(html: str) -> set[str]:
    """The names of all attributes of all elements."""

    class Attributes(HTMLParser):
        found: set[str]

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found.update(name for name, _ in attrs)

    reader = Attributes()
    reader.found = set()
    reader.feed(html)
    return reader.found


def long_run(ledger: Ledger, **changes: object) -> Run:
    """Three years, a trade a month, long and short."""
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(4).normal(0.0005, 0.015, 756)))
    days = rising(closes)["ts"].to_pandas().dt.tz_convert("America/New_York")
    rows = [
        (f"{days[at]:%Y-%m-%d} 09:30", "GOOG", "buy" if number % 2 else "sell", 100 if number else 50, closes[at], 1.0)
        for number, at in enumerate(range(20, 756, 21))
    ]
    given = {
        "marks": rising(closes),
        "fills": fills(*rows),
        "name": "a.module.whose.name.does.not.fit.a.telephone:SmaCross",
    }
    given |= changes
    return Run(kept(ledger, **given), ledger)


def test_the_first_screen_says_what_a_reader_decides_by(ledger: Ledger) -> None:
    html = page(ledger, cash=20_000)
    said = words(html)
    for told in (
        "SmaCross",
        "GOOG · daily bars · 2024-01-02 to 2024-01-31, New York time",
        "Total return +2.49% to 20,498.50 USD buy & hold +6.00% other fills: not run",
        "1 trial counted",
        "fills at the next open",
        "Trials counted 1",
        "Data 3f3f3f3f3f3f · 9 rows",
    ):
        assert told in said, told


def test_the_spec_stands_in_it_in_full(ledger: Ledger) -> None:
    run = Run(kept(ledger), ledger)
    said = words(tearsheet.html(run))
    assert run.record.spec_id in said
    assert "class SmaCross(Strategy): '''<b>Cross</b> & co'''" in said
    assert "Parameter fast 10" in said
    assert "per share 0.01" in said
    assert "next_open: a decision taken on bar N fills at the open of bar N+1" in said
    assert "ab" * 32 in said


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ('{"slow": 30, "threshold": 0.123456, "side": "long", "fast": 10}', "defaults side long, threshold 0.123456"),
        ('{"fast": 10}', "defaults none"),
        ("what a hub was sent", "defaults what a hub was sent"),
    ],
)
def test_parameters_left_at_their_default_are_written_as_the_given_ones(ledger: Ledger, held: str, said: str) -> None:
    record = kept(ledger)
    run = Run(replace(record, environment={**record.environment, "defaults": held}), ledger)
    assert said in words(tearsheet.html(run))


def test_months_stand_in_their_cells(ledger: Ledger) -> None:
    run = Run(kept(ledger, cash=20_000), ledger)
    row = re.search(r"<tr><td>2024</td>(.*?)</tr>", tearsheet.html(run), re.S)
    assert row
    cells = re.findall(r">([^<]*)</td>", row[1])
    assert cells == ["+2.49", *[""] * 11, "+2.49"]


def test_years_and_drawdowns_are_listed(ledger: Ledger) -> None:
    said = words(page(ledger, cash=10_200.0))
    assert re.search(r"Year by year .* 2024 \+\S+ \+6\.00%", said)
    assert re.search(r"Deepest drawdowns .* 2024-01-09 2024-01-11 not yet 3", said)
    assert "By symbol" not in said


def test_symbols_are_listed_the_best_first(ledger: Ledger) -> None:
    both = marks(
        ("2024-01-02 16:00", "GOOG", 100),
        ("2024-01-03 16:00", "GOOG", 102),
        ("2024-01-02 16:00", "IBM", 10),
        ("2024-01-03 16:00", "IBM", 11),
    )
    bought = fills(
        ("2024-01-02 16:00", "GOOG", "buy", 1, 100, 0),
        ("2024-01-02 16:00", "IBM", "buy", 50, 10, 1),
    )
    said = words(page(ledger, marks=both, instruments=("GOOG.XNAS", "IBM.XNYS"), fills=bought))
    assert re.search(r"By symbol .* IBM \+49\.00 0\.00 1\.00 500\.00 1 0 .* GOOG \+2\.00", said)


def test_costs_are_taken_apart(ledger: Ledger) -> None:
    said = words(page(ledger, cash=20_000))
    assert "Result before costs +500.00 USD Slippage, modelled 0.00 USD" in said
    assert "Commission \N{MINUS SIGN}1.50 USD Result +498.50 USD" in said


def test_costs_of_nothing_have_no_sign(ledger: Ledger) -> None:
    free = fills(
        ("2024-01-03 09:30", "GOOG", "buy", 10, 100.0, 0.0), ("2024-01-05 09:30", "GOOG", "sell", 10, 101.0, 0.0)
    )
    assert "slippage 0 bp 0.0 bp of value traded" in words(page(ledger, cash=1_000, fills=free))


def test_costs_that_nothing_came_of_were_asked_for(ledger: Ledger) -> None:
    nothing = {"fills": fills(), "orders": orders(0)}
    assert "Nothing was paid of the costs asked for." in words(page(ledger, **nothing))
    assert "No commission and no slippage were asked for" in words(page(ledger, costs=Costs(), **nothing))
    lent = Costs(borrow_percent=3.0, interest_percent=2.0, debit_percent=6.0)
    assert "No commission and no slippage were asked for" in words(page(ledger, costs=lent, **nothing))


def test_one_return_is_one(ledger: Ledger) -> None:
    assert "from 1 return of the equity" in words(page(ledger, marks=rising([100.0, 102.0]), fills=fills()))
    assert "from 8 returns of the equity" in words(page(ledger))


def test_what_the_first_bar_cost_is_drawn_below_the_cash(ledger: Ledger) -> None:
    bought = fills(("2024-01-02 16:00", "GOOG", "buy", 100, 100, 500.0))
    html = page(ledger, marks=rising([100.0, 101.0]), fills=bought, fill="close")
    assert '"SmaCross":["\N{MINUS SIGN}0.50%","\N{MINUS SIGN}0.40%"]' in html.partition("Drawdown against")[2]
    assert "Deepest drawdown \N{MINUS SIGN}0.50%" in words(html)


def test_what_the_result_leaves_out_is_said(ledger: Ledger) -> None:
    assert "Not in this result: cash dividends, borrowing fees, market impact." in words(page(ledger))
    charged = Costs(borrow_percent=3.0, impact_bps=10.0)
    assert "Not in this result: cash dividends." in words(page(ledger, costs=charged))
    assert "Not in this result" not in words(page(ledger, costs=charged, dividends=True))


def test_every_round_trip_is_listed(ledger: Ledger) -> None:
    assert "GOOG long 2024-01-03 2024-01-08 50 101.00 106.00 1.00 +249.00 +4.93%" in words(page(ledger))


def test_what_is_still_held_is_listed(ledger: Ledger) -> None:
    held = {
        "symbol": "GOOG",
        "side": "long",
        "opened": None,
        "quantity": 50.0,
        "average_price": 101.0,
        "last_price": 106.0,
        "value": 5300.0,
        "unrealized_pnl": 250.0,
    }
    import pyarrow as pa

    said = words(page(ledger, positions=pa.Table.from_pylist([held], POSITIONS)))
    assert "GOOG 50 101.00 106.00 5,300.00 +250.00" in said
    assert "the account ended in cash" in words(page(ledger, cash=7_000.0))


def coloured(html: str) -> list[str]:
    """The numbers in the colour of a gain or of a loss."""
    return re.findall(r'<(?:td|dd) class="[^"]*\b(?:up|down)"[^>]*>([^<]+)</', html)


def test_whatever_is_coloured_has_a_sign_and_nothing_has_neither(ledger: Ledger) -> None:
    little = fills(
        ("2024-01-03 09:30", "GOOG", "buy", 1, 100.0, 0.9), ("2024-01-08 09:30", "GOOG", "sell", 1, 100.0, 0.9)
    )
    html = page(ledger, cash=1_000_000.0, fills=little, marks=rising([100.0] * 9))
    assert '<dd class="value ">0.00%</dd>' in html
    rebated = page(ledger, fills=fills(("2024-01-03 09:30", "GOOG", "buy", 1, 100.0, -12.0)))
    for each in (html, rebated, tearsheet.html(long_run(ledger))):
        assert len(coloured(each)) > 3
        assert [
            text for text in coloured(each) if text[0] not in "+\N{MINUS SIGN}" or not re.search("[1-9]", text)
        ] == []


def test_rows_that_paper_leaves_out_are_counted(ledger: Ledger) -> None:
    said = re.compile(r"Printed: the first 40 of (\d+) rows\.")
    assert said.findall(page(ledger)) == []
    assert said.findall(tearsheet.html(many_rows(ledger), articles(60))) == ["60", "300", "200", "200"]


def test_a_close_fill_is_marked_and_compared_with_the_honest_one(ledger: Ledger) -> None:
    kept(ledger, cash=20_000)
    said = words(page(ledger, fill="close", cash=20_000))
    assert "Optimistic fills." in said
    assert "by fills +2.49% to +2.49%" in said
    assert "Convention spread +2.49% to +2.49%" in said


def test_rejected_orders_and_warnings_stand_on_top(ledger: Ledger) -> None:
    html = page(ledger, orders=orders(2, "rejected"), warnings=("3 sessions <missing>",))
    said = words(html.partition('<dl class="numbers">')[0])
    assert "2 orders rejected." in said
    assert "3 sessions <missing>" in said


@pytest.mark.parametrize(
    ("status", "told"), [("failed", "This run failed."), ("interrupted", "This run was interrupted.")]
)
def test_a_run_without_a_result_has_a_page_that_says_why(ledger: Ledger, status: str, told: str) -> None:
    said = words(page(ledger, status, error="ZeroDivisionError: no", traceback="File <cell>, line 3\n  1 / 0"))
    assert told in said
    assert "ZeroDivisionError: no" in said
    assert "File <cell>, line 3 1 / 0" in said
    assert "Total return" not in said
    assert "Specification" in said
    assert "Not in this result" not in said


def test_warnings_alike_leave_room_for_the_numbers(ledger: Ledger) -> None:
    lacks = tuple(f"NAME{number} 1d lacks 6 of 249 sessions: 2009-09-08." for number in range(57))
    html = page(ledger, warnings=lacks)
    assert html.count('<p class="notice">NAME') == 3
    assert '<p class="notice">54 more warnings of this kind: all of them stand below.</p>' in html
    assert html.index("All 57 warnings</summary>") < html.index('<p class="small">NAME56 1d lacks')


def test_an_open_window_that_was_never_read_is_told_in_words(ledger: Ledger) -> None:
    said = words(page(ledger, "interrupted", start=0, end=FOREVER, series=()))
    assert "GOOG · daily bars · from the first bar to the last run" in said


@pytest.mark.parametrize(
    "changes",
    [
        {"fills": fills(), "orders": orders(0)},
        {"marks": raw().marks.slice(0, 1), "fills": fills()},
        {"marks": raw().marks.slice(0, 0), "fills": fills(), "series": ()},
        {
            "fills": fills(("2024-01-03 09:30", "GOOG", "buy", 1_000, 100, 0)),
            "cash": 1_000.0,
            "marks": rising([100, 100, 50]),
        },
        {
            "marks": marks(("2024-01-02 10:00", "GOOG", 1), ("2024-01-02 10:01", "GOOG", 2)),
            "fills": fills(),
            "period": "1m",
        },
    ],
    ids=["no trade", "one mark", "no mark", "ruin", "two minutes"],
)
def test_thin_runs_have_a_page_too(ledger: Ledger, changes: dict) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        said = words(page(ledger, **changes))
    assert "Month by month" in said
    assert not re.search(r"\b(nan|inf|None|NaT)\b", said)


def test_several_names_and_splits(ledger: Ledger) -> None:
    both = marks(
        ("2024-01-02 16:00", "GOOG", 100, 1),
        ("2024-01-03 16:00", "GOOG", 51, 2),
        ("2024-01-02 16:00", "IBM", 10, 1),
        ("2024-01-03 16:00", "IBM", 11, 1),
    )
    said = words(page(ledger, marks=both, instruments=("GOOG.XNAS", "IBM.XNYS"), fills=fills()))
    assert "close, in shares of the first day" in said
    assert "GOOG, IBM · daily bars" in said


def test_round_trips_over_a_split_are_told(ledger: Ledger) -> None:
    split = marks(*((f"2024-01-{day} 16:00", "GOOG", 110 / (1 + n // 2), 1 + n // 2) for n, day in enumerate(DAYS[:4])))
    traded = fills(
        ("2024-01-02 09:30", "GOOG", "buy", 100, 100.0, 0),
        ("2024-01-03 09:30", "GOOG", "sell", 50, 110.0, 0),
        ("2024-01-05 09:30", "GOOG", "sell", 100, 55.0, 0),
    )
    said = words(page(ledger, marks=split, fills=traded))
    assert "2024-01-05 50 100.00 55.00 0.00 +500.00 +10.00%" in said
    assert "net of commission; 1 round trip held over a split, quantity as at the entry" in said
    assert "over a split" not in words(page(ledger))


def test_debts_have_no_exposure(ledger: Ledger) -> None:
    sold = fills(("2024-01-02 16:00", "GOOG", "sell", 1_000, 100, 0))
    html = page(ledger, marks=rising([100.0, 150.0, 250.0, 260.0]), fills=sold)
    assert '"Exposure":["100%","300%","",""]' in html


def test_costs_of_much_are_rounded(ledger: Ledger) -> None:
    dear = fills(("2024-01-03 09:30", "GOOG", "buy", 10, 100.0, 123_456.78))
    said = words(page(ledger, fills=dear, cash=1_000_000))
    assert "Costs \N{MINUS SIGN}123,457 USD" in said
    assert "Commission \N{MINUS SIGN}123,456.78 USD" in said


def test_the_price_is_drawn_of_what_was_traded_most(ledger: Ledger) -> None:
    names = ["AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG", "HHH"]
    rows = [(f"2024-01-0{day} 16:00", name, 10) for name in names for day in (2, 3)]
    traded = [("2024-01-02 16:00", name, "buy", number, 10, 0) for number, name in enumerate(names) if number]
    traded.append(("2024-01-03 16:00", "BBB", "sell", 100, 10, 0))
    given = {"marks": marks(*rows), "fills": fills(*traded), "instruments": tuple(f"{each}.XNAS" for each in names)}
    html = page(ledger, **given)
    drawn = re.findall(r"Fills on the price of (\w+)", html)
    assert list(dict.fromkeys(drawn)) == ["BBB", "HHH", "GGG", "FFF", "EEE", "DDD"]
    assert "the 6 of 8 instruments that were traded most by value, without AAA, CCC" in words(html)


def test_fills_that_are_left_out_are_counted_by_what_is_drawn(ledger: Ledger) -> None:
    def traded(name: str, count: int, quantity: int) -> list[tuple]:
        return [("2024-01-03 09:30", name, "sell" if at % 2 else "buy", quantity, 10, 0) for at in range(count)]

    def told(*rows: tuple) -> str:
        names = list(dict.fromkeys(row[1] for row in rows))
        both = marks(*((f"2024-01-0{day} 16:00", name, 10) for name in names for day in (2, 3)))
        ids = tuple(f"{each}.XNAS" for each in names)
        return words(page(ledger, marks=both, fills=fills(*rows), instruments=ids))

    assert "240 of 300 fills, evenly chosen" in told(*traded("AAA", 300, 1))
    both = told(*traded("AAA", 300, 2), *traded("BBB", 250, 1), *traded("CCC", 240, 1))
    assert "240 of 300 fills of AAA, 240 of 250 fills of BBB, evenly chosen" in both
    others = [row for name in "BCDEFG" for row in traded(name * 3, 2, 10_000)]
    assert "evenly chosen" not in told(*others, *traded("AAA", 300, 1)), "that one is not drawn"


def test_several_series_have_one_fingerprint(ledger: Ledger) -> None:
    """Of the record's own lines, so that anybody can make it again; whatever their order."""
    record = kept(ledger)
    one = record.series[0]
    other = replace(one, name="IBM.XNYS-1-DAY-LAST-EXTERNAL", fingerprint="4e" * 32)
    lines = f"{one.name} {one.fingerprint}\n{other.name} {other.fingerprint}\n"
    assert one.name < other.name
    made = hashlib.sha256(lines.encode()).hexdigest()
    for series in ((one, other), (other, one)):
        both = replace(record, series=series)
        assert both.fingerprint == made
        assert f"Data {made[:12]} · 2 series · 18 rows" in words(tearsheet.html(Run(both, ledger)))
    assert record.fingerprint == one.fingerprint
    assert replace(record, series=()).fingerprint == ""


def test_what_somebody_wrote_is_words_wherever_it_stands(ledger: Ledger) -> None:
    """On the dashboards a tearsheet is made of what its owner handed in, and stands in the page of whoever looks."""
    rows = fills(("2024-01-03 09:30", EVIL, "buy", 100, 101.0, 1.0), ("2024-01-08 09:30", EVIL, "sell", 50, 106.0, 0.5))
    held = marks(*((f"2024-01-{day} 16:00", EVIL, close) for day, close in zip(DAYS, CLOSES, strict=True)))
    read = Series(EVIL, EVIL, 9, 0, 1, EVIL)
    record = kept(
        ledger,
        instruments=(f"{EVIL}.XNAS",),
        name=f"module:{EVIL}",
        parameters={EVIL: EVIL},
        fills=rows,
        marks=held,
        series=(read,),
        log=EVIL,
        user=EVIL,
    )
    record = replace(record, environment={EVIL: EVIL}, facts=(read,))
    for told in (tearsheet.html(Run(record, ledger)), tearsheet.body(Run(record, ledger))):
        assert words(told).count(EVIL) > 10
        assert "onload" not in attributes(told)


def test_nothing_is_fetched_from_anywhere(ledger: Ledger) -> None:
    html = tearsheet.html(long_run(ledger))
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!data:,)|url\(|@import|https?://""", html)
    assert len(html) < 600_000


def test_one_bar_has_nothing_to_draw_and_no_scale_of_its_own(ledger: Ledger) -> None:
    html = page(ledger, marks=rising([100.0]), fills=fills())
    assert "Nothing to draw." in html
    assert 'class="line' not in html


def test_prices_of_round_trips_have_the_same_decimals_one_below_the_other(ledger: Ledger) -> None:
    bought, sold = (
        ("2024-01-03 09:30", "GOOG", "buy", 10, 101.0625, 0.0),
        ("2024-01-04 09:30", "GOOG", "sell", 10, 102, 0.0),
    )
    said = words(page(ledger, fills=fills(bought, sold)).split("Every round trip")[1])
    assert "101.0625 102.0000" in said


def test_costs_are_written_without_powers_of_ten(ledger: Ledger) -> None:
    said = words(page(ledger, costs=Costs(fee_per_share=0.000048, surcharge_percent=0.0175 + 0.056)))
    assert "fee per share 0.000048, surcharge percent 0.0735" in said


def test_minutes_tell_their_days(ledger: Ledger) -> None:
    minutes = [f"2024-01-{day:02} {hour}:00" for day in (2, 3, 4) for hour in range(10, 17)]
    rows = marks(*((at, "GOOG", 100 + n) for n, at in enumerate(minutes)))
    html = page(ledger, marks=rows, fills=fills(), period="1h")
    ticks = re.findall(r'class="x[^>]*>([^<]*)', html.split("Drawdown")[0])
    assert {"01-03", "01-04"} <= set(ticks)
    assert any(":" in each for each in ticks)


def test_a_run_that_loses_from_its_first_session_on_is_below_its_cash_for_all_of_them(ledger: Ledger) -> None:
    closes = {"2024-01-02": (100, 90), "2024-01-03": (91, 92), "2024-01-04": (93, 94)}
    rows = [(f"{day} {15 + n}:00", "GOOG", close) for day, both in closes.items() for n, close in enumerate(both)]
    bought = fills(("2024-01-02 15:00", "GOOG", "buy", 10, 100, 0))
    said = words(page(ledger, marks=marks(*rows), fills=bought, period="1h"))
    assert "longest 3 sessions" in said
    assert re.search(r"2024-01-02 \S+ not yet 3 ", said.partition("Deepest drawdowns")[2]), "as its own table says"


@pytest.mark.parametrize(("period", "span"), [("1w", "week"), ("1mo", "month")])
def test_weeks_and_months_tell_days_and_count_themselves(ledger: Ledger, period: str, span: str) -> None:
    html = page(ledger, period=period)
    said = words(html)
    assert f"longest 3 {span}s" in said
    assert f"by {span}; length in {span}s" in said
    results = said.partition("Every round trip")[2].partition("Still held")[0].partition("Specification")[0]
    assert "2024-01-03" in results
    assert ":" not in results, "a minute of the day"
    assert "2024-01-03 bought" in html
    assert "2024-01-03 09:30" not in html


def many_rows(ledger: Ledger, **changes: object) -> Run:
    """More than three hundred round trips; two hundred names that are held and as many series."""
    import pyarrow as pa

    names = [f"NAME{number:03}" for number in range(200)]
    held = [dict.fromkeys(POSITIONS.names, 10.0) | {"symbol": name, "side": "long", "opened": None} for name in names]
    traded = [
        (f"2024-01-{day} {hour:02}:{minute:02}", "GOOG", side, 1, 100.0, 0.0)
        for day in DAYS[1:]
        for hour in (10, 11)
        for minute in range(20)
        for side in ("buy", "sell")
    ]
    given = {
        "fills": fills(*traded),
        "positions": pa.Table.from_pylist(held, POSITIONS),
        "series": tuple(Series(f"{name}.XNAS-1-DAY-LAST-EXTERNAL", "team", 9, 1, 2, "3f" * 32) for name in names),
    }
    return Run(kept(ledger, **(given | changes)), ledger)


def articles(count: int) -> pd.DataFrame:
    """So many before as many trades."""
    known = pd.date_range("2024-01-03 14:00", periods=count, freq="min", tz="UTC")
    row = {"symbol": "GOOG", "side": "buy", "headline": "Said", "source": "wire", "score": 0.5}
    return pd.DataFrame([row | {"traded": at, "available_at": at} for at in known])


needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's browser: apt-get install chromium")


@needs_browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 640), ("dark", 400)])
def test_in_a_browser(ledger: Ledger, tmp_path: Path, scheme: str, width: int) -> None:
    from playwright.sync_api import sync_playwright

    (tmp_path / "sheet.html").write_text(tearsheet.html(long_run(ledger)), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
        said: list[str] = []
        asked: list[str] = []
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto((tmp_path / "sheet.html").as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.evaluate("document.querySelectorAll('main section').length") > 3, "what a screen reader skips to"
        ground = "getComputedStyle(document.body).backgroundColor"
        assert (tab.evaluate(ground) == "rgb(255, 255, 255)") == (scheme == "light")
        tab.locator(".chart .plot").first.hover()
        assert re.search(r"\d{4}-\d\d-\d\d.*Buy and hold.*SmaCross", tab.locator(".tip").first.text_content() or "")
        tab.locator("button.theme").click()
        assert (tab.evaluate(ground) == "rgb(255, 255, 255)") == (scheme == "dark")
        browser.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


@needs_browser
@pytest.mark.parametrize("paper", [False, True])
def test_large_numbers_have_room_on_a_tablet_and_on_paper(ledger: Ledger, tmp_path: Path, paper: bool) -> None:
    from playwright.sync_api import sync_playwright

    run = long_run(ledger)
    record = replace(run.record, statistics=run.record.statistics | {"capacity": 1_234_567_890_123.0})
    (tmp_path / "sheet.html").write_text(tearsheet.html(Run(record, ledger)), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_page(viewport={"width": 695 if paper else 780, "height": 900})
        tab.emulate_media(media="print" if paper else "screen")
        tab.goto((tmp_path / "sheet.html").as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        browser.close()


@needs_browser
def test_long_words_break_on_a_telephone_and_on_paper(ledger: Ledger, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    word = "Strategy" * 20
    run = long_run(ledger, name=f"module:{word}")
    failed = kept(ledger, "failed", error="ValueError: no", traceback=f"File <cell>, line 3\nValueError: {word * 3}")
    (tmp_path / "sheet.html").write_text(tearsheet.html(run), encoding="utf-8")
    (tmp_path / "failed.html").write_text(tearsheet.html(Run(failed, ledger)), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_page(viewport={"width": 400, "height": 900})
        tab.goto((tmp_path / "sheet.html").as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= 400
        tab.locator(".chart .plot").first.hover()
        assert tab.evaluate("document.documentElement.scrollWidth") <= 400
        tab.goto((tmp_path / "failed.html").as_uri())
        tab.set_viewport_size({"width": 718, "height": 1000})
        tab.emulate_media(media="print")
        assert tab.evaluate("document.querySelector('pre').scrollWidth") <= 718
        browser.close()


@needs_browser
def test_an_account_of_a_trillion_has_room_on_a_telephone(ledger: Ledger, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    dear = marks(*((f"2024-01-{day} 16:00", "GOOG", 100.0 * 5**at, 1) for at, day in enumerate(DAYS)))
    html = page(ledger, cash=1e12, marks=dear)
    (tmp_path / "sheet.html").write_text(html, encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_page(viewport={"width": 400, "height": 900})
        tab.goto((tmp_path / "sheet.html").as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= 400
        browser.close()
    assert re.search(r'class="y"[^>]*>[\d,]+bn<', html)


@needs_browser
@pytest.mark.parametrize("width", [1280, 400])
def test_a_debt_of_millions_is_named_within_the_page(ledger: Ledger, tmp_path: Path, width: int) -> None:
    from playwright.sync_api import sync_playwright

    ruin = fills(("2024-01-03 09:30", "GOOG", "buy", 100_000, 100, 0))
    html = page(ledger, fills=ruin, cash=1_000_000.0, marks=rising([100, 100, 90, 80, 85]))
    (tmp_path / "sheet.html").write_text(html, encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_page(viewport={"width": width, "height": 900})
        tab.goto((tmp_path / "sheet.html").as_uri())
        right = "(each) => each.getBoundingClientRect().right"
        ends = tab.get_by_text("\N{MINUS SIGN}1,000,000", exact=True).evaluate(right)
        chart = tab.locator("figure.chart").first.evaluate(right)
        browser.close()
    assert ends <= chart


@needs_browser
def test_long_tables_scroll_in_a_box_and_print_what_they_say(ledger: Ledger, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    (tmp_path / "sheet.html").write_text(tearsheet.html(many_rows(ledger), articles(60)), encoding="utf-8")
    seen = """() => [...document.querySelectorAll('table')].map((table) => [
      table.parentElement.clientHeight, [...table.tBodies[0].rows].filter((row) => row.offsetHeight).length])"""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_page()
        tab.goto((tmp_path / "sheet.html").as_uri())
        long = [box for box, rows in tab.evaluate(seen) if rows > 40]
        lines = tab.get_by_text("Printed: the first 40")
        on_screen = [each.is_visible() for each in lines.all()]
        tab.emulate_media(media="print")
        printed = [rows for _, rows in tab.evaluate(seen)]
        on_paper = [each.is_visible() for each in lines.all()]
        browser.close()
    assert len(long) == 4
    assert max(long) <= 420
    assert on_screen == [False] * 4
    assert on_paper == [True] * 4
    assert sorted(printed)[-4:] == [40] * 4


@needs_browser
def test_it_prints_on_a4(ledger: Ledger, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    (tmp_path / "sheet.html").write_text(tearsheet.html(long_run(ledger)), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_page(color_scheme="dark")
        tab.goto((tmp_path / "sheet.html").as_uri())
        printed = tab.pdf(prefer_css_page_size=True)
        tab.emulate_media(media="print")
        assert tab.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
        browser.close()
    boxes = {tuple(map(float, box.split())) for box in re.findall(rb"/MediaBox \[([\d. ]+)\]", printed)}
    assert boxes
    assert all(abs(width - 595) < 1.5 and abs(height - 842) < 1.5 for _, _, width, height in boxes)
    assert len(re.findall(rb"/Type /Page\b", printed)) <= 6


@needs_browser
@pytest.mark.parametrize("width", [1280, 901, 780, 400])
def test_the_statistics_stay_on_their_card(ledger: Ledger, tmp_path: Path, width: int) -> None:
    """A capacity of ten digits stands beside the longest label; on the hub's page a card is narrower than its own."""
    from playwright.sync_api import sync_playwright

    run = long_run(ledger)
    record = replace(run.record, statistics=run.record.statistics | {"capacity": 4.6e9})
    (tmp_path / "sheet.html").write_text(tearsheet.html(Run(record, ledger)), encoding="utf-8")
    beyond = "each => each.scrollWidth > each.clientWidth"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_page(viewport={"width": width, "height": 900})
        tab.goto((tmp_path / "sheet.html").as_uri())
        assert tab.locator(".three td").all_text_contents().count("4,600,000,000") == 1
        for card in (width, min(width, 840)):
            tab.evaluate(f"document.body.style.maxWidth = '{card}px'")
            assert not tab.evaluate(f"[...document.querySelectorAll('.three, .three > *')].some({beyond})"), card
        browser.close()


@needs_browser
@pytest.mark.parametrize("card", [1200, 900, 840])
def test_no_day_of_an_axis_touches_the_next(ledger: Ledger, tmp_path: Path, card: int) -> None:
    """Two charts stand side by side on a card of the hub's page, whose window is wider than it."""
    from playwright.sync_api import sync_playwright

    closes = 100 * np.exp(np.cumsum(np.random.default_rng(4).normal(0.0005, 0.015, 125)))
    html = tearsheet.html(
        long_run(ledger, marks=rising(closes), fills=fills(("2024-02-05 09:30", "GOOG", "buy", 50, 100.0, 1.0)))
    )
    (tmp_path / "sheet.html").write_text(html, encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.goto((tmp_path / "sheet.html").as_uri())
        tab.evaluate(f"document.body.style.maxWidth = '{card}px'")
        gaps = tab.evaluate("""[...document.querySelectorAll('.chart')].flatMap(chart => {
            const all = [...chart.querySelectorAll('.x')].map(each => each.getBoundingClientRect());
            const shown = all.filter(each => each.width);
            return shown.slice(1).map((each, at) => each.left - shown[at].right);
        })""")
        assert len(gaps) > 10
        assert min(gaps) >= 4
        browser.close()


@needs_browser
@pytest.mark.parametrize("width", [1280, 910, 780, 400])
def test_no_headline_number_reaches_into_the_next(ledger: Ledger, tmp_path: Path, width: int) -> None:
    """An account that was lost fourteen times over: its deepest drawdown is the widest of them."""
    from playwright.sync_api import sync_playwright

    run = long_run(ledger)
    record = replace(run.record, statistics=run.record.statistics | {"max_drawdown": -14.0132})
    (tmp_path / "sheet.html").write_text(tearsheet.html(Run(record, ledger)), encoding="utf-8")
    beyond = "each => each.scrollWidth > each.clientWidth"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_page(viewport={"width": width, "height": 900})
        tab.goto((tmp_path / "sheet.html").as_uri())
        assert tab.locator(".numbers dd.value").all_text_contents().count("\N{MINUS SIGN}1,401.32%") == 1
        assert not tab.evaluate(f"[...document.querySelectorAll('.numbers dd.value')].some({beyond})")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        browser.close()
