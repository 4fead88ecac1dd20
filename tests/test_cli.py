"""The command line, as a terminal and a script meet it: what is printed, as text and JSON, and the exit codes."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import ALPHAPULSE, alphapulse, answer, exit_code
from pyarrow import csv, feather

import alphapulse_lib as ap
from alphapulse_lib.catalog import schemas, ticks
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.window import moment_ns
from alphapulse_lib.views import tables


def test_bars_as_json(sample: Path) -> None:
    rows = answer("bars", "AAPL", "--start", "2005-02-25", "--end", "2005-02-28", "--adjust", "none")
    assert [(row["ts"], row["close"]) for row in rows] == [
        ("2005-02-25T21:00:00.000000Z", 88.99),
        ("2005-02-28T21:00:00.000000Z", 44.86),
    ]


def test_bars_of_one_instrument_after_the_other(sample: Path) -> None:
    rows = answer("bars", "MSFT", "AAPL", "--start", "2012-12-31", "--end", "2013-01-02", "--order", "symbol")
    assert [row["symbol"] for row in rows] == ["AAPL", "AAPL", "MSFT", "MSFT"]


def test_bars_and_prices_into_files(sample: Path, tmp_path: Path) -> None:
    whole = ap.bars("SPY", "1m", session="regular", timezone="America/New_York", frame="arrow")
    words = ["bars", "SPY", "--period", "1m", "--session", "regular", "--timezone", "America/New_York", "-o"]
    for name, read in ("spy.parquet", pq.read_table), ("spy.csv", csv.read_csv), ("spy.arrow", feather.read_table):
        done = alphapulse(*words, str(tmp_path / name))
        assert (done.returncode, done.stdout) == (0, f"{whole.num_rows:,} rows in {tmp_path / name}.\n"), done.stderr
        assert read(tmp_path / name)["close"].to_pylist() == whole["close"].to_pylist()
    assert {each.name for each in tmp_path.iterdir()} >= {"spy.parquet", "spy.csv", "spy.arrow"}
    assert not list(tmp_path.glob("*unfinished*"))
    done = alphapulse("prices", "AAPL", "MSFT", "--start", "2012-12-31", "-o", str(tmp_path / "wide.parquet"))
    assert done.returncode == 0, done.stderr
    assert pq.read_table(tmp_path / "wide.parquet").column_names == ["ts", "AAPL", "MSFT"]
    assert alphapulse(*words, str(tmp_path / "spy.xlsx")).returncode == 2
    done = alphapulse(*words, str(tmp_path / "nowhere" / "spy.csv"))
    assert (done.returncode, "there is no folder" in done.stderr) == (2, True), done.stderr
    (tmp_path / "taken.csv").mkdir()
    done = alphapulse(*words, str(tmp_path / "taken.csv"))
    assert (done.returncode, "a folder stands there" in done.stderr) == (2, True), done.stderr


def test_a_file_that_a_link_leads_to_is_replaced_and_the_link_stays(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link, far = tmp_path / "goog.csv", tmp_path / "far" / "kept.csv"
    link.symlink_to(far)
    for _ in range(2):  # first it leads to nothing yet
        done = alphapulse("bars", "GOOG", "--start", "2012-12-31", "-o", str(link))
        assert (done.returncode, done.stdout) == (0, f"42 rows in {link}.\n"), done.stderr
        assert link.is_symlink()
        assert csv.read_csv(far).num_rows == 42
        far.write_text("old")
    assert [each.name for each in far.parent.iterdir()] == ["kept.csv"]
    os.mkfifo(tmp_path / "pipe.csv")
    done = alphapulse("bars", "GOOG", "-o", str(tmp_path / "pipe.csv"))
    assert (done.returncode, "a named pipe stands there" in done.stderr) == (2, True), done.stderr
    (tmp_path / "astray.csv").symlink_to(tmp_path / "nowhere" / "x.csv")
    done = alphapulse("bars", "GOOG", "-o", str(tmp_path / "astray.csv"))
    assert (done.returncode, "there is no folder" in done.stderr) == (2, True), done.stderr


def test_an_answer_to_a_query_is_told_as_traders_write_it(sample: Path) -> None:
    query = (
        "SELECT symbol, count(*) AS bars, max(close) AS highest, min(ts) AS since FROM bars_1d "
        "WHERE symbol IN ('AAPL', 'IBM') GROUP BY ALL ORDER BY symbol"
    )
    head, *rows = alphapulse("sql", query).stdout.splitlines()
    aapl, ibm = answer("sql", query)
    assert [each.split()[:2] for each in rows] == [["AAPL", "3,270"], ["IBM", f"{ibm['bars']:,}"]]
    assert head.index("highest") + len("highest") == rows[0].index(f"{aapl['highest']:.2f}") + len("702.10")
    assert rows[0].endswith("2000-03-01 21:00")
    assert alphapulse("sql", query + " LIMIT 0").stdout == "Nothing. It would show symbol, bars, highest, since.\n"


def on_a_terminal(*words: str, **size: str) -> list[str]:
    """What is shown where somebody looks, line by line."""
    leader, follower = pty.openpty()
    told: list[bytes] = []

    def look() -> None:
        with suppress(OSError):  # is raised at the end
            while part := os.read(leader, 65536):
                told.append(part)

    looking = threading.Thread(target=look)
    looking.start()
    terminal = Path(os.ttyname(follower))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("COLUMNS", "LINES"):  # readline, which pytest loads, tells a width beside it
            patch.delenv(name, raising=False)
        code = exit_code(*words, streams=(terminal, terminal, terminal), **size)
    os.close(follower)
    looking.join()
    os.close(leader)
    shown = b"".join(told).decode()
    assert code == 0, shown
    return shown.splitlines()


def test_bars_and_prices_are_told_as_traders_write_them(sample: Path) -> None:
    words = ["bars", "AAPL", "MSFT", "--start", "2012-12-31", "--end", "2013-01-02", "--adjust", "none"]
    head, first, *_ = alphapulse(*words).stdout.splitlines()
    assert head.split("  ")[:2] == ["symbol", "ts (UTC)"]
    bar = answer(*words)[0]
    volume = f"{bar['volume']:,.0f}"
    assert (first.split()[:3], first.split()[-1]) == (["AAPL", "2012-12-31", "21:00"], volume)
    assert head.index("volume") + len("volume") == first.index(volume) + len(volume), "numbers stand at the right"
    head, first, *_ = alphapulse("prices", *words[1:], "--timezone", "America/New_York").stdout.splitlines()
    assert head.startswith("ts (America/New_York)") and first.startswith("2012-12-31 16:00")


def test_where_somebody_looks_a_long_table_shows_its_ends_and_a_wide_one_fits(sample: Path) -> None:
    shown = on_a_terminal("bars", "SPY", "--period", "1m")
    assert (len(shown), shown[31]) == (62, "... 1,504 rows more ...")
    assert len(alphapulse("bars", "SPY", "--period", "1m").stdout.splitlines()) == 1565
    head, *rows, left = on_a_terminal("news", "AAPL", "--end", "2005-01-01")
    assert max(map(len, (head, *rows))) <= tables.WIDTH
    assert head.split()[2:] == ["available_at", "(UTC)", "symbols", "headline", "score", "source"]
    assert left == "Left out for the width: scorer, version, body, article_id, revision."
    whole = alphapulse("news", "AAPL", "--end", "2005-01-01").stdout
    assert "announces a two-for-one stock split " in whole and "article_id" in whole and "0.0581 " in whole
    head, *rows = on_a_terminal("instruments")
    assert max(map(len, (head, *rows))) <= tables.WIDTH + len("Left out for the width")
    assert next(row for row in rows if row.startswith("AAPL")).split()[-1] == "3,270"
    assert "fault" not in head
    head, row, left = on_a_terminal("quarantine")
    assert max(map(len, (head, row))) <= tables.WIDTH and "open 47.77 lies outside low 47.7935 and high 48.65" in row
    assert left == "Left out for the width: file, row, held_back."
    assert "us57_daily_2009_2010.csv.gz" in on_a_terminal("quarantine", row.split()[0])[1]


def test_a_narrow_terminal_is_told_less_of_each_run(sample: Path) -> None:
    ap.backtest("SmaCross", "GOOG", "1d", "2006-01-03", "2006-06-30", progress=False)
    wide, *_ = on_a_terminal("runs")
    head, row, *lines = on_a_terminal("runs", COLUMNS="60")
    assert max(map(len, (head, row, *lines))) <= 60 < len(wide)
    left = " ".join(lines)
    assert {"id", "symbols", "sharpe", "deflated", "trials", "status"} <= {*head.split()}
    assert left.startswith("Left out for the width: ") and "window" in left and "drawdown" in left
    assert "user" not in head.split(), "nothing takes the room of what tells more"
    first, second = on_a_terminal("runs", COLUMNS="50")
    assert first.endswith("  GOOG 1d, 2006-01-03 to 2006-06-30,") and first.startswith(row[:8])
    assert second.startswith("  sharpe ") and second.endswith(", 1 trial, finished")
    assert max(len(first), len(second)) <= 50


def test_rows_set_aside_are_numbered_as_they_are_released(sample: Path) -> None:
    head, row = alphapulse("quarantine").stdout.splitlines()
    assert row.split()[1:4] == ["1", "us57_daily_2009_2010.csv.gz", "5028"]
    assert "open 47.77 lies outside low 47.7935 and high 48.65" in row and head.startswith("import_id")


def test_prices_side_by_side_and_carried(sample: Path) -> None:
    words = ["prices", "AAPL", "MSFT", "--start", "2012-12-31", "--end", "2013-01-02", "--field", "open"]
    rows = answer(*words, "--fill", "forward", "--limit", "2", "--timezone", "America/New_York")
    assert [list(row) for row in rows] == [["ts", "AAPL", "MSFT"]] * 2
    assert alphapulse(*words, "--limit", "2").returncode == 2


@pytest.mark.parametrize("kind", ["trades", "quotes"])
def test_ticks(writable_sample: Path, kind: str) -> None:
    done = alphapulse(kind, "SPY", "--start", "2020-12-15", "--end", "2020-12-15")
    assert done.returncode == 1
    assert f"No {kind} of SPY.ARCX are held." in done.stderr
    assert f"alphapulse ingest alpaca SPY --kind {kind} --start 2020-12-15 --end 2020-12-15" in done.stderr
    root = Roots.of_settings().writable
    stamps = pa.array([moment_ns("2020-12-15 15:00")]).cast(schemas.TIME)
    figures = {"price": [368.5], "size": [100.0]} if kind == "trades" else {}
    figures |= {} if kind == "trades" else {"bid": [368.0], "ask": [369.0], "bid_size": [1.0], "ask_size": [1.0]}
    write = ticks.write_trades if kind == "trades" else ticks.write_quotes
    write(root, Instrument("SPY.ARCX"), pa.table({"ts": stamps, "available_at": stamps, **figures}), "x")
    (row,) = answer(kind, "SPY", "--start", "2020-12-15", "--session", "regular")
    assert row["ts"] == "2020-12-15T15:00:00.000000Z"
    (row,) = answer("bars", "SPY", "--period", "1h", "--source", kind)
    assert row["close"] == 368.5


def test_the_catalog_is_listed(sample: Path) -> None:
    assert {"AAPL", "GOOG", "IBM", "MSFT", "FB", "SPY"} <= {row["symbol"] for row in answer("instruments")}
    assert answer("coverage", "FB")["bars"] == 196
    assert answer("sql", "SELECT count(*) AS splits FROM actions WHERE kind = 'split'") == [{"splits": 3}]


def test_a_sound_catalog_passes_the_check(sample: Path) -> None:
    done = alphapulse("check")
    assert (done.returncode, done.stdout) == (0, "The catalog is sound.\n")


def test_a_torn_file_is_found(writable_sample: Path) -> None:
    torn = next((writable_sample / "data" / "bars").glob("FB.*/*.parquet"))
    torn.write_bytes(torn.read_bytes()[:-500])
    done = alphapulse("check")
    assert done.returncode == 3
    assert "FB.XNAS" in done.stdout
    done = alphapulse("check", "--repair")
    assert done.returncode == 0
    assert "moved to damaged/data/bars/FB.XNAS" in done.stdout
    assert alphapulse("check").returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("bars", "APPL"), "Did you mean AAPL"),
        (("bars", "AAPL", "--start", "2030-01-01"), "2000-03-01"),
        (("sql", "SELECT clos FROM bars_1d"), "close"),
        (("sql", "DROP VIEW bars_1d"), "QueryError"),
        (("sql", "SELECT symbol::INT FROM bars_1d"), "QueryError"),
        (("ingest", "files", "nowhere.csv", "--symbol", "A", "--venue", "XNAS"), "nowhere.csv"),
        (("revert", "no-such-import"), "no import"),
        (("run", "no-such-run"), "no-such-run"),
        (("run", ""), "It holds none yet"),
        (("sql", "SELECT 1::UHUGEINT"), "UHUGEINT"),
    ],
)
def test_what_is_not_held_is_one_message_and_exit_code_1(sample: Path, words: tuple[str, ...], said: str) -> None:
    _told(1, words, said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("bars", "AAPL", "--start", "2010-01-01", "--end", "2009-01-01"), "reversed"),
        (("bars", "AAPL", "--period", "1x"), "number and s, m, h, d, w or mo"),
        (("ingest", "files"), "file"),
        (("bars", "GOOG", "--period", "10-TICK", "--source", "bars"), "Ask for --source trades, or 'quotes'."),
        (("bars", "GOOG", "--period", "1000t", "--source", "trades"), "Say '1000-TICK'"),
        (("ingest", "smaple"), "sample"),
        (("sentiment", "AAPL", "--scorer", "vadr"), "vader"),
        (("backtest", "SmaCros", "GOOG"), "Did you mean SmaCross"),
        (("backtest", "SmaCross", "GOOG", "-p", "fasst=3"), "Did you mean fast"),
        (("backtest", "SmaCross", "GOOG", "-p", "fast"), "NAME=VALUE"),
        (("backtest", "SmaCross", "GOOG", "-p", "fast=3", "-p", "fast=4"), "fast is given twice: 3 and 4"),
        (("backtest", "Momentum", "GOOG"), "AlphaPulse has MeanReversion, NewsSentiment, SmaCross."),
        (("backtest", "nowhere.py:Mine", "GOOG"), "nowhere.py"),
        (("backtest", "SmaCross", "GOOG", "-p", "quantity=0"), "InputError: params: quantity=0 is not a whole number"),
        (("backtest", "SmaCross", "GOOG", "--tearsheet", "/nonexistent/x.html"), "no folder /nonexistent"),
        (("run", "any", "--tearsheet", "x" * 300), "File name too long"),
        (("run", "any", "--tearsheet", "/nonexistent/x.html"), "no folder /nonexistent"),
        (("tearsheet", "any", "/nonexistent/x.html"), "no folder /nonexistent"),
        (("bars", "AAPL", "--start", "9999-12-31"), "lies after 2262"),
        (("backtest", "SmaCross", "GOOG", "--cash", "-5"), "is not an amount of money"),
        (("backtest", "SmaCross", "GOOG", "--seed", "-1"), "seed=-1 is not a whole number"),
        (("backtest", "SmaCross", "GOOG", "--start", "2010-01-01", "--end", "2009-01-01"), "ReversedWindow"),
        (("runs", "--mine"), "--merge"),
        (
            ("backtest", "SmaCross", "GOOG", "--fill", "foo"),
            "Invalid value for '--fill': 'foo' is not one of 'next_open'",
        ),
        (("backtest", "SmaCross", "GOOG", "--cash", "lots"), "'--cash': 'lots' should be a valid number."),
        (("runs", "--limit", "0"), "'--limit': '0' should be greater than or equal to 1."),
        (("ingest", "my prices.csv"), "`alphapulse ingest files 'my prices.csv'`"),
        (("ingest", "prices.csv", "--symbol", "A"), "`alphapulse ingest files prices.csv`"),
    ],
)
def test_a_wrong_argument_is_one_message_and_exit_code_2(sample: Path, words: tuple[str, ...], said: str) -> None:
    _told(2, words, said)


def _told(code: int, words: tuple[str, ...], said: str) -> None:
    done = alphapulse(*words)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_call_is_exit_code_2(sample: Path) -> None:
    assert alphapulse("bars").returncode == 2
    assert alphapulse("no-such-command").returncode == 2
    done = alphapulse("runs", "--limit", "0")
    assert (done.returncode, "--limit" in done.stderr, "None" in done.stderr) == (2, True, False), done.stderr


def test_an_empty_catalog_says_how_to_fill_it() -> None:
    done = alphapulse("bars", "AAPL")
    assert done.returncode == 1
    assert "alphapulse ingest sample" in done.stderr


def test_an_import_from_in_to_out_again(writable_sample: Path, tmp_path: Path) -> None:
    prices = tmp_path / "prices.csv"
    prices.write_text(
        "Date,Open,High,Low,Close,Volume\n"
        "2013-05-06,10,11,9,10.5,100\n"
        "2013-05-07,10.5,11,10,10.75,100\n"
        "2013-05-08,10,9,11,10,100\n"
    )
    done = alphapulse("ingest", "files", str(prices), "--symbol", "ACME", "--venue", "XNAS", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 3, "one row was set aside"
    assert (report["written"], len(report["quarantined"])) == (2, 1)
    assert [row["close"] for row in answer("bars", "ACME")] == [10.5, 10.75]
    assert answer("revert", report["id"])["bars"] == 2
    assert alphapulse("bars", "ACME").returncode == 1


def test_a_backtest_is_kept_and_shown_again(sample: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.html"
    record = answer(
        "backtest",
        "SmaCross",
        "GOOG",
        "--start",
        "2006-01-03",
        "--end",
        "2006-12-29",
        "-p",
        "fast=5",
        "--tearsheet",
        str(sheet),
    )
    assert record["status"] == "finished"
    assert sheet.read_text().startswith("<!")
    assert [row["id"] for row in answer("runs")] == [record["id"]]
    assert answer("run", record["id"][:6])["statistics"] == record["statistics"]
    assert "SmaCross" in alphapulse("run", record["id"]).stdout
    again = alphapulse("tearsheet", record["id"][:6], str(tmp_path))
    assert again.stdout == f"{tmp_path / 'tearsheet-'}{record['id']}.html\n"
    assert Path(again.stdout.strip()).read_text().startswith("<!")
    told = alphapulse("runs").stdout
    assert (record["id"][:8] in told, "2006-01-03 to 2006-12-29" in told, "started (UTC)" in told) == (True,) * 3
    os.mkfifo(tmp_path / "pipe")
    refused = alphapulse("tearsheet", record["id"][:6], str(tmp_path / "pipe"))
    assert (refused.returncode, "a named pipe stands there" in refused.stderr) == (2, True), refused.stderr
    assert (tmp_path / "pipe").is_fifo()


def test_a_ledger_that_is_a_file_is_no_empty_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ledger").write_text("")
    monkeypatch.setenv("ALPHAPULSE_LEDGER", str(tmp_path / "ledger"))
    done = alphapulse("runs")
    assert (done.returncode, "it is a file" in done.stderr, "ALPHAPULSE_LEDGER" in done.stderr) == (1, True, True)
    monkeypatch.setenv("ALPHAPULSE_LEDGER", str(tmp_path / "not made yet"))
    assert alphapulse("runs").stdout.startswith("Nothing.")
    assert "`alphapulse backtest`" in alphapulse("runs").stdout
    assert "`alphapulse runs` lists all" in alphapulse("runs", "--family", "Nope").stdout


def test_a_strategy_that_raises_is_exit_code_1_and_a_failed_run(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from alphapulse_lib.engine.strategies import SmaCross\n\n"
        "class Mine(SmaCross):\n"
        "    def on_bar(self, bar):\n"
        "        raise RuntimeError('my strategy is wrong')\n"
    )
    done = alphapulse("backtest", "mine.py:Mine", "GOOG", "--start", "2006-01-03", "--end", "2006-02-28", cwd=tmp_path)
    assert done.returncode == 1
    assert "RuntimeError: my strategy is wrong" in done.stderr
    assert "alphapulse_lib/engine" not in done.stderr, "the traceback is the strategy's own"
    assert [row["status"] for row in answer("runs")] == ["failed"]


def test_a_strategy_file_imports_what_stands_beside_it(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "desk.py").write_text("from alphapulse_lib.engine.strategies import SmaCross as Ours\n")
    (tmp_path / "json.py").write_text("from desk import Ours\n\nclass Mine(Ours):\n    pass\n")
    words = ("backtest", "json.py:Mine", "GOOG", "--start", "2006-01-03", "--end", "2006-06-30", "--json")
    done = alphapulse(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "finished"


def test_a_module_where_the_command_is_typed_is_found_with_its_relative_imports(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "__init__.py").touch()
    (tmp_path / "desk" / "base.py").write_text("from alphapulse_lib.engine.strategies import SmaCross\n")
    (tmp_path / "desk" / "mine.py").write_text("from .base import SmaCross\nclass Mine(SmaCross):\n    pass\n")
    words = ("backtest", "desk.mine:Mine", "GOOG", "--start", "2006-01-03", "--end", "2006-06-30", "--json")
    done = alphapulse(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["spec"]["strategy"]["name"] == "desk.mine:Mine"


def test_what_a_strategy_prints_is_not_part_of_the_answer(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from alphapulse_lib.engine.strategies import SmaCross\n\nprint('loaded')\n\n"
        "class Mine(SmaCross):\n    def on_bar(self, bar):\n        print('a bar')\n"
    )
    words = ("backtest", "mine.py:Mine", "GOOG", "--start", "2006-01-03", "--end", "2006-02-28", "--json")
    done = alphapulse(*words, cwd=tmp_path)
    assert json.loads(done.stdout)["status"] == "finished"
    assert "a bar" in done.stderr


def test_what_a_strategy_file_lacks_is_named(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import no_such_package\n")
    done = alphapulse("backtest", "mine.py:Mine", "GOOG", cwd=tmp_path)
    assert done.returncode == 1
    assert "mine.py imports 'no_such_package'" in done.stderr


def test_a_file_s_strategies_are_named_to_who_names_none_of_them(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from alphapulse_lib.engine.strategies import SmaCross\n\nclass Mine(SmaCross):\n    pass\n"
    )
    for name, said in {"mine.py": "mine.py is a file", "mine.py:Other": "mine.py has no strategy 'Other'"}.items():
        done = alphapulse("backtest", name, "GOOG", cwd=tmp_path)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
        assert "It has Mine. Give mine.py:Class." in done.stderr


def test_advice_is_told_in_the_words_of_the_command(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text("date,open,high,low,close,volume\n2020-01-02,1,2,1,2,5\n")
    done = alphapulse("ingest", "files", str(tmp_path / "prices.csv"), "--symbol", "ZZZ")
    assert (done.returncode, "Say --venue XNAS (Nasdaq)" in done.stderr) == (2, True), done.stderr


def test_dates_that_can_be_read_two_ways_are_read_as_told(writable_sample: Path, tmp_path: Path) -> None:
    prices = tmp_path / "prices.csv"
    prices.write_text("Date,Open,High,Low,Close,Volume\n02/01/2013,10,11,9,10.5,100\n03/01/2013,10,11,9,10.5,100\n")
    words = ("ingest", "files", str(prices), "--symbol", "ACME", "--venue", "XNAS")
    assert alphapulse(*words).returncode == 1
    assert alphapulse(*words, "--day-first").returncode == 0
    assert [row["ts"][:10] for row in answer("bars", "ACME")] == ["2013-01-02", "2013-01-03"]


def test_json_changes_no_number(sample: Path) -> None:
    query = "SELECT 1e-12 AS a, 0.123456789012345 AS b, 12345678901234567890123 AS c, '\\xDE\\xAD'::BLOB AS d"
    (row,) = answer("sql", query)
    assert row == {"a": 1e-12, "b": 0.123456789012345, "c": 12345678901234567890123, "d": "dead"}


def test_a_strategy_file_that_ends_the_program_says_so(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import sys\n\nsys.exit(5)\n")
    done = alphapulse("backtest", "mine.py:Mine", "GOOG", cwd=tmp_path)
    assert done.returncode == 1
    assert "StrategyUnusable: mine.py ends the program as it is loaded: sys.exit(5)" in done.stderr
    (tmp_path / "other.py").write_text("1 / 0\n")
    assert (
        "other.py cannot be loaded: ZeroDivisionError: division by zero (line 1)"
        in alphapulse("backtest", "other.py:A", "GOOG", cwd=tmp_path).stderr
    )


def test_a_warning_is_one_line(sample: Path) -> None:
    words = ("--start", "2006-01-03", "--end", "2006-12-29", "-p", "quantity=1000000", "--json")
    done = alphapulse("backtest", "SmaCross", "GOOG", *words)
    assert json.loads(done.stdout)["status"] == "finished"
    (warning,) = done.stderr.splitlines()
    assert warning.startswith("warning: ") and "orders were refused" in warning
    done = alphapulse("backtest", "SmaCross", "GOOG", *words[:-1])
    assert ("orders were refused" in done.stdout, done.stderr) == (True, ""), "the card has it"


def test_a_tearsheet_that_fails_after_the_run_does_not_hide_the_record(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "sheets").mkdir()
    (tmp_path / "mine.py").write_text(
        "import shutil\nfrom alphapulse_lib.engine.strategies import SmaCross\n\n"
        "class Mine(SmaCross):\n    def on_bar(self, bar):\n"
        f"        shutil.rmtree({str(tmp_path / 'sheets')!r}, ignore_errors=True)\n"
    )
    words = ("--start", "2006-01-03", "--end", "2006-12-29", "--tearsheet", str(tmp_path / "sheets" / "a.html"))
    done = alphapulse("backtest", "mine.py:Mine", "GOOG", *words, "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert json.loads(done.stdout)["status"] == "finished"
    assert done.stderr.startswith("LedgerError: ") and "cannot be written" in done.stderr


def test_an_answer_that_cannot_be_written_is_one_message(sample: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [ALPHAPULSE, "instruments"], stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=240
        )
    assert done.returncode == 1
    assert done.stderr.startswith("AlphaPulseError: The answer cannot be written: No space left on device.\n")
    assert "Traceback" not in done.stderr


def test_whoever_reads_no_further_is_told_nothing(sample: Path) -> None:
    command = f"set -o pipefail; {ALPHAPULSE} bars GOOG --json | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=240)
    assert (done.stdout, done.stderr) == ("[", "")


def test_a_runs_log_is_told(sample: Path, tmp_path: Path) -> None:
    window = ("GOOG", "1d", "2006-01-03", "2006-06-30")
    silent = ap.backtest("SmaCross", *window, progress=False)
    assert alphapulse("run", silent.id, "--log").stdout.endswith("\nIts log is empty.\n")
    (tmp_path / "telling.py").write_text(
        "from alphapulse_lib.engine.strategies import SmaCross, SmaCrossConfig\n"
        "class Telling(SmaCross):\n"
        "    def __init__(self, config: SmaCrossConfig):\n        super().__init__(config)\n"
        "    def on_stop(self):\n        self.log.info('that was all')\n"
    )
    run = ap.backtest(f"{tmp_path / 'telling.py'}:Telling", *window, progress=False)
    assert "that was all" in run.log
    shown, told = alphapulse("run", run.id), alphapulse("run", run.id, "--log")
    assert (told.returncode, told.stdout) == (0, f"{shown.stdout}{run.log}\n")
    assert alphapulse("run", run.id, "--log", "--json").returncode == 2


def test_an_empty_id_is_no_runs_beginning(sample: Path) -> None:
    answer("backtest", "SmaCross", "GOOG", "--start", "2006-01-03", "--end", "2006-06-30")
    said = alphapulse("run", "").stderr
    assert "The newest is" in said and "Did you mean" not in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_backtest_that_is_stopped_says_so_with_its_own_exit_code(
    sample: Path, tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "slow.py").write_text(
        "import time\nfrom pathlib import Path\n"
        "from alphapulse_lib.engine.strategies import SmaCross, SmaCrossConfig\n"
        "class Slow(SmaCross):\n"
        "    def __init__(self, config: SmaCrossConfig):\n        super().__init__(config)\n"
        f"    def on_bar(self, bar):\n        Path({str(tmp_path / 'began')!r}).touch()\n        time.sleep(60)\n"
    )
    command = [ALPHAPULSE, "backtest", f"{tmp_path / 'slow.py'}:Slow", "GOOG", "--json"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (tmp_path / "began").exists():
        assert running.poll() is None and time.monotonic() < deadline, running.communicate()
        time.sleep(0.1)
    running.send_signal(number)
    _, said = running.communicate(timeout=120)
    assert (running.returncode, "was stopped" in said) == (130, True), said
    assert ap.runs()["status"].tolist() == ["interrupted"]


def test_an_interrupt_before_the_command_begins_shows_nothing_of_python() -> None:
    script = """
import os, signal, sys
class Interrupting:
    def find_spec(self, name, *_):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
from alphapulse_lib.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", script, "runs"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Interrupted.\n")


def test_an_interrupt_is_never_without_a_word(sample: Path) -> None:
    run = ap.backtest("SmaCross", "GOOG", "1d", "2006-01-03", "2012-12-31", progress=False)
    running = subprocess.Popen(
        [ALPHAPULSE, "check-lookahead", run.id, "--at", "1000"], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while len(ap.runs(purpose="probe")) < 3:
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=120)
    assert running.returncode == 130
    assert said in ("Interrupted.\n", "RunInterrupted: The probes were stopped.\n"), said
