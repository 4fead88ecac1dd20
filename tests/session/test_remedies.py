"""What preflight refuses is told with the commands that mend it; each is run, and then the backtest is not refused."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import alphapulse_lib as ap
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.cli import app
from alphapulse_lib.errors import AdjustedAsRaw, CoverageGap, PreflightError, WrongStamps
from alphapulse_lib.ingestion.command import changed, command
from alphapulse_lib.providers.contract import Request


def prices(days: np.ndarray) -> pd.DataFrame:
    """Bars of a walk of one per cent a day, four decimals."""
    close = (100 * np.exp(np.cumsum(np.random.default_rng(7).normal(0, 0.01, len(days))))).round(4)
    first = np.append(100.0, close[:-1])
    return pd.DataFrame(
        {
            "date": days.astype(str),
            "open": first,
            "high": np.maximum(first, close),
            "low": np.minimum(first, close),
            "close": close,
            "volume": 1000,
        }
    )


@pytest.fixture
def year() -> pd.DataFrame:
    known = sessions("XNAS").days
    return prices(known[np.searchsorted(known, np.datetime64("2019-01-02")) :][:250])


def refused(kind: type[PreflightError], symbol: str = "TOY", **given: object) -> list[list[str]]:
    """The words of the commands that the refusal names."""
    with pytest.raises(kind) as raised:
        ap.backtest("SmaCross", symbol, "1d", progress=False, **given)
    named = re.findall(r"`(.*?)`", raised.value.hint)
    return [shlex.split(each) for text in named for each in text.split(" && ")]


def carry_out(words: list[str]) -> str:
    assert words[0] == "alphapulse"
    done = CliRunner().invoke(app, words[1:])
    assert done.exit_code == 0, done.output
    return done.output


def test_missing_sessions(tmp_path: Path, year: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a year's bars.csv"
    year.drop(index=range(100, 120)).to_csv(path, index=False)
    monkeypatch.chdir(tmp_path)
    ap.ingest("files", path.name, symbol="TOY", venue="XNAS", source="desk")
    days = year.date
    listed, again, fetched = refused(CoverageGap)
    assert listed == shlex.split(f"alphapulse coverage TOY.XNAS 1d --start {days[0]} --end {days[249]}")
    assert days[100] in carry_out(listed)
    wanted = f"alphapulse ingest alpaca TOY --period 1d --start {days[100]} --end {days[119]}"
    assert fetched == shlex.split(wanted)
    carry_out([*fetched, "--dry-run"])
    year.to_csv(path, index=False)
    monkeypatch.chdir("/")  # the command names the file wherever it is said
    assert "20 written" in carry_out(again)
    assert ap.backtest("SmaCross", "TOY", "1d", progress=False).equity.size == 250


def test_sessions_that_no_vendor_has(tmp_path: Path, year: pd.DataFrame) -> None:
    path = tmp_path / "toy.csv"
    known = sessions("XLON").days
    year = prices(known[np.searchsorted(known, np.datetime64("2019-01-02")) :][:250])
    year.drop(index=range(100, 120)).to_csv(path, index=False)
    ap.ingest("files", path, symbol="TOY", venue="XLON")
    asked = shlex.split("alphapulse ingest files FILE --symbol TOY --venue XLON --period 1d")
    assert refused(CoverageGap)[-1] == asked


def test_stamps_at_no_close(tmp_path: Path, year: pd.DataFrame) -> None:
    path = tmp_path / "late.csv"
    year.assign(date=year.date + " 18:30").to_csv(path, index=False)
    report = ap.ingest("files", path, symbol="TOY", venue="XNAS", stamps="close")
    back, again = refused(WrongStamps)
    assert back == ["alphapulse", "revert", report.id]
    for each in (back, again):
        carry_out(each)
    assert ap.backtest("SmaCross", "TOY", "1d", progress=False).equity.size == 250


def test_adjusted_prices_taken_as_traded(tmp_path: Path, year: pd.DataFrame) -> None:
    path = tmp_path / "adjusted.csv"
    year.to_csv(path, index=False)
    report = ap.ingest("files", path, symbol="TOY", venue="XNAS", adjusted=True)
    back, fetched = refused(AdjustedAsRaw)
    assert back == ["alphapulse", "revert", report.id]
    days = year.date
    assert fetched == shlex.split(f"alphapulse ingest alpaca TOY --period 1d --start {days[0]} --end {days[249]}")
    assert ap.backtest("SmaCross", "TOY", "1d", adjust="none", progress=False).equity.size == 250
    carry_out(back)
    assert "TOY" not in set(ap.instruments().symbol)


def test_an_import_that_brought_others_too_says_so(tmp_path: Path, year: pd.DataFrame) -> None:
    path = tmp_path / "two.csv"
    pd.concat([year.assign(symbol=each) for each in ("TOY", "BOX")]).to_csv(path, index=False)
    ap.ingest("files", path, venue="XNAS", adjusted=True)
    with pytest.raises(AdjustedAsRaw, match="takes 1 other instruments' rows too"):
        ap.backtest("SmaCross", "TOY", "1d", progress=False)


def test_what_is_not_this_persons_to_take_back_is_not_named(
    tmp_path: Path, year: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    year.to_csv(tmp_path / "adjusted.csv", index=False)
    ap.ingest("files", tmp_path / "adjusted.csv", symbol="TOY", venue="XNAS", adjusted=True)
    monkeypatch.setenv("ALPHAPULSE_PERSONAL_CATALOG", str(tmp_path / "own"))
    assert Roots.of_settings().personal == tmp_path / "own"
    assert [each[1] for each in refused(AdjustedAsRaw)] == ["ingest"]


@pytest.mark.parametrize(
    "request_of",
    [
        Request(
            "/data/toy.csv", symbol="TOY", venue="XNAS", name="Toys & Co", period="15m", timezone="UTC", stamps="open"
        ),
        Request(
            ["/a.csv", Path("/b c.csv")], "trades", venue={"TOY": "XNAS", "BOX": "XNYS"}, columns={"price": "Last"}
        ),
        Request("/d/*.csv", venue="XNAS", adjusted=True, day_first=False, recover=False, source="desk"),
    ],
)
def test_the_command_asks_for_the_same(request_of: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Request] = []

    def heed(_name: str, request: Request, _dry_run: bool) -> None:
        heard.append(request)
        raise SystemExit(0)

    monkeypatch.setattr("alphapulse_lib.session.imports._of_files", heed)
    carry_out(command("files", [request_of], ""))
    paths = [str(each) for each in request_of.target] if isinstance(request_of.target, list) else request_of.target
    (same,) = heard
    for name in Request.__slots__:
        wanted = paths if name == "target" else getattr(request_of, name)
        assert getattr(same, name) == wanted, name


def test_no_command_where_none_says_it() -> None:
    assert command("files", [Request(object())], "") == []
    assert command("files", [Request("/a.csv"), Request("/b.csv")], "") == []
    assert command("files", [Request("/a.csv"), Request("/b.csv")], "sample") == ["alphapulse", "ingest", "sample"]
    assert changed(["a", "--stamps", "open", "--adjusted"], "--stamps", "session")[1:] == [
        "--stamps",
        "session",
        "--adjusted",
    ]
