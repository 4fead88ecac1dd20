"""The articles beside a run's trades: those that were known by then, and nothing that a vendor wrote as HTML."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from five_sessions import DAYS, write
from wire import APPLE, IBM, send

import alphapulse_lib as ap
from alphapulse_lib.results.known_news import known_news
from alphapulse_lib.settings import settings
from tests.resources.toy_market import Planned

HOSTILE = """Apple <img src=x onerror=alert(1)> "quoted" & 'so' </script><script>alert(2)</script>"""


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five sessions; a run that decides on 1 July buys on 2 July at 13:30 UTC, and sells on the 5th."""
    root = tmp_path / "catalog"
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(root))
    for each in (APPLE, IBM):
        write(root, each, DAYS, [100.0, 102.0, 104.0, 106.0, 108.0])
    return root


def traded() -> Any:
    return ap.backtest(Planned, "AAPL", "1d", params={"plan": {"1": 10, "3": -10}}, progress=False)


def told(run: Any) -> list[tuple[str, str]]:
    frame: pd.DataFrame = known_news(run)
    return list(frame[["side", "headline"]].itertuples(index=False, name=None))


def test_an_article_stands_before_the_first_trade_that_could_know_it(catalog: Path) -> None:
    send(
        catalog,
        [
            ("old", "2013-06-26T12:00", "Apple, six days before"),
            ("early", "2013-06-28T12:00", "Apple, four days before"),
            ("last", "2013-07-02T13:30", "Apple, at the very open"),
            ("late", "2013-07-02T13:31", "Apple, a minute after it"),
            ("after", "2013-07-08T14:00", "Apple, after the last trade"),
            ("other", "2013-07-02T10:00", "IBM alone"),
        ],
    )
    assert told(traded()) == [
        ("buy", "Apple, four days before"),
        ("buy", "Apple, at the very open"),
        ("sell", "Apple, a minute after it"),
    ]


def test_of_a_revised_article_stands_what_was_read_by_the_trade(catalog: Path) -> None:
    send(catalog, [("a", "2013-07-02T09:00", "Apple first"), ("a", "2013-07-02T10:00", "Apple corrected")])
    send(catalog, [("a", "2013-07-05T09:00", "Apple corrected again, for the sale")])
    assert told(traded()) == [("buy", "Apple corrected"), ("sell", "Apple corrected again, for the sale")]


def test_what_was_recorded_after_the_run_is_not_read(catalog: Path) -> None:
    run = traded()
    send(catalog, [("a", "2013-07-02T09:00", "Apple, imported later")])
    assert told(run) == []
    assert told(traded()) == [("buy", "Apple, imported later")]


def test_a_renamed_instrument_is_known_by_the_ticker_that_was_asked_for(catalog: Path, tmp_path: Path) -> None:
    send(catalog, [("a", "2013-07-02T09:00", "Apple under a new ticker")])
    renamed = tmp_path / "renamed.csv"
    renamed.write_text("symbol,date,kind,new_symbol\nAAPL,2013-07-03,rename,FRUIT\n")
    ap.ingest("files", renamed, kind="actions", venue="XNAS")
    run = ap.backtest(Planned, "FRUIT", "1d", params={"plan": {"1": 10, "3": -10}}, progress=False)
    assert set(run.fills["symbol"]) == {"FRUIT"}
    assert told(run) == [("buy", "Apple under a new ticker")]
    assert "Apple under a new ticker" in Path(run.tearsheet()).read_text()


def test_the_tearsheet_marks_them_and_lists_them_escaped(catalog: Path, tmp_path: Path) -> None:
    send(catalog, [("a", "2013-07-02T09:00", HOSTILE), ("b", "2013-07-02T10:00", f"Apple {'x' * 5000}")])
    html = traded().tearsheet(tmp_path / "sheet.html").path.read_text(encoding="utf-8")
    assert "<img" not in html
    assert "alert(2)</script>" not in html
    assert len(html) < 200_000
    marks = re.findall(r'<a class="mark news" href="#(news-\d+)" style="[^"]*" title="([^"]*)"', html)
    assert [target for target, _ in marks] == ["news-0"]  # both by the same bar: one mark
    assert unescape(marks[0][1]).startswith(f"2013-07-02 05:00 {HOSTILE}\n2013-07-02 06:00 Apple xxx")
    rows = re.findall(r'<tr id="news-\d+">(.*?)</tr>', html, re.S)
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.S) for row in rows]
    assert [unescape(each[1])[:90] for each in cells] == [HOSTILE[:90], f"Apple {'x' * 84}"]
    assert cells[0][::2] == ["2013-07-02 05:00", "AAPL bought 2013-07-02 09:30"]


def test_where_none_is_held_a_line_says_so(catalog: Path, tmp_path: Path) -> None:
    html = traded().tearsheet(tmp_path / "sheet.html").path.read_text(encoding="utf-8")
    assert "No article about AAPL is held that was known in the 5 days before a trade." in html
    assert 'class="mark news"' not in html
    idle = ap.backtest(Planned, "AAPL", "1d", params={"plan": {}}, progress=False)
    assert "No article" not in idle.tearsheet(tmp_path / "idle.html").path.read_text(encoding="utf-8")


def test_of_many_the_last_before_each_trade_are_shown(catalog: Path, tmp_path: Path) -> None:
    send(catalog, [(f"{n}", f"2013-07-02T0{n}:00", f"Apple number {n}") for n in range(9)])
    html = traded().tearsheet(tmp_path / "sheet.html").path.read_text(encoding="utf-8")
    assert re.findall(r"<td[^>]*>(Apple number \d)</td>", html) == [f"Apple number {n}" for n in (6, 7, 8)]
    assert "the last 3 of a trade, 3 of 9 in all" in html


def test_a_scored_run_shows_its_scores(catalog: Path, tmp_path: Path) -> None:
    send(catalog, [("a", "2013-07-02T09:00", "Apple reports record profit")])
    run = ap.backtest(Planned, "AAPL", "1d", params={"plan": {"1": 10}}, news=True, scorer="finance", progress=False)
    score = known_news(run)["score"].tolist()
    assert len(score) == 1
    assert score[0] > 0.1
    html = run.tearsheet(tmp_path / "sheet.html").path.read_text(encoding="utf-8")
    assert f"<td>{score[0]:.2f}</td>" in html
    assert settings().ledger_root in run.tearsheet().path.parents


@pytest.mark.parametrize("file", ["articles", "mentions", "instruments.parquet"])
def test_a_damaged_catalog_leaves_the_tearsheet_without_articles_and_says_so(
    catalog: Path, tmp_path: Path, file: str
) -> None:
    send(catalog, [("a", "2013-07-02T09:00", "Apple in a file that is torn later")])
    run = traded()
    for torn in [catalog / file] if file.endswith(".parquet") else sorted((catalog / file).rglob("*.parquet")):
        torn.write_bytes(torn.read_bytes()[:100])
    html = ap.run(run.id).tearsheet(tmp_path / "sheet.html").path.read_text(encoding="utf-8")
    assert "No article can be read: " in html
    assert f"{file.removesuffix('.parquet')}" in html.partition("No article can be read: ")[2][:300]
    assert "bought" in html
