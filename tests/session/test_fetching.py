"""What is not held is told with the command that would fetch it, and the command line understands that command."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner

import alphapulse_lib as ap
from alphapulse_lib.catalog import schemas, writer
from alphapulse_lib.cli import app
from alphapulse_lib.errors import AlphaPulseError, NoCoverage, UnknownSymbol
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.providers import registry


class Own:
    """A vendor of daily bars that tells no venues."""

    name, kinds, periods = "own", frozenset({"bars"}), frozenset({"1d"})


def command(ask) -> list[str]:
    """The words of the command that an error names."""
    with pytest.raises((NoCoverage, UnknownSymbol)) as raised:
        ask()
    return shlex.split(re.findall(r"`(alphapulse ingest .*?)`", raised.value.hint)[0])


def understood(words: list[str]) -> dict[str, object]:
    """What the command line makes of them, without doing it."""
    group = typer.main.get_command(app)
    assert words[0] == "alphapulse"
    ingest = group.get_command(None, words[1])
    given = ingest.make_context(words[1], words[2:]).params
    return {name: value for name, value in given.items() if value not in (None, False, "", [], True)}


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (
            lambda: ap.bars("AAPL", "1m", "2020-03-02", "2020-03-31"),
            "alphapulse ingest alpaca AAPL --period 1m --start 2020-03-02 --end 2020-03-31",
        ),
        (
            lambda: ap.bars("AAPL", "1d", end="1990-03-02"),
            "alphapulse ingest alpaca AAPL --period 1d --start 1988-01-01 --end 1990-03-02",
        ),
        (
            lambda: ap.prices("SPY", "30m", "2021-03-02", "2021-03-31"),
            "alphapulse ingest alpaca SPY --period 1m --start 2021-03-02 --end 2021-03-31",
        ),
        (
            lambda: ap.bars("AAPL", "1mo", "2021-03-02", "2021-03-31"),
            "alphapulse ingest alpaca AAPL --period 1d --start 2021-03-02 --end 2021-03-31",
        ),
        (
            lambda: ap.bars("SPY", "100-TICK", "2021-03-02", "2021-03-02"),
            "alphapulse ingest alpaca SPY --kind trades --start 2021-03-02 --end 2021-03-02",
        ),
        (
            lambda: ap.quotes("SPY", "2021-03-02", frame="batches"),
            "alphapulse ingest alpaca SPY --kind quotes --start 2021-03-02",
        ),
        (
            lambda: ap.coverage("AAPL", "5m", "2021-03-02", "2021-03-03"),
            "alphapulse ingest alpaca AAPL --period 5m --start 2021-03-02 --end 2021-03-03",
        ),
        (
            lambda: ap.backtest("SmaCross", "AAPL", "1m", "2021-03-02", "2021-03-03", progress=False),
            "alphapulse ingest alpaca AAPL --period 1m --start 2021-03-02 --end 2021-03-03",
        ),
        (
            lambda: ap.backtest("SmaCross", "NVDA", "1d", "2021-03-02", "2021-03-03", progress=False),
            "alphapulse ingest alpaca NVDA --period 1d --start 2021-03-02 --end 2021-03-03",
        ),
        (
            lambda: ap.trades("NVDA", "2021-03-02", "2021-03-03"),
            "alphapulse ingest alpaca NVDA --kind trades --start 2021-03-02 --end 2021-03-03",
        ),
    ],
)
def test_the_command_that_fetches_the_rest(sample: Path, ask, words: str):
    named = command(ask)
    assert named == shlex.split(words)
    given = understood(named)
    assert (given["provider"], given["source"]) == ("alpaca", [named[3]])
    if named[3] != "NVDA":  # of a ticker that the catalog does not know a vendor would have to be asked
        done = CliRunner().invoke(app, [*named[1:], "--dry-run"])
        assert done.exit_code == 0, done.output


def test_the_nearest_symbol_and_what_is_held_of_it(sample: Path):
    with pytest.raises(UnknownSymbol) as raised:
        ap.bars("APPL")
    assert "Did you mean AAPL" in str(raised.value)
    assert "Held of AAPL.XNAS: 1d from 2000-03-01 to 2013-03-01 (3,270 bars)." in raised.value.hint


def test_the_vendor_that_the_catalog_was_fed_by(sample: Path, monkeypatch: pytest.MonkeyPatch, writable_sample: Path):
    monkeypatch.setitem(registry._BUILT_IN[registry.VENDORS], "own", f"{__name__}:Own")
    record = {"id": "x", "provider": "own", "instruments": ["IBM.XNYS"]}
    (writable_sample / "imports" / "20990101T000000-0.json").write_text(json.dumps(record))
    asked = "2021-03-02", "2021-03-03"
    assert command(lambda: ap.bars("IBM", "1d", *asked))[2] == "own"
    assert command(lambda: ap.trades("IBM", *asked))[2] == "alpaca"  # which alone has trades


def test_a_file_where_no_vendor_lists_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(tmp_path))
    future = Instrument("ES.XCME", price_precision=2)
    writer.write_instruments(tmp_path, [future])
    named = command(lambda: ap.bars("ES", "1m"))
    assert named == shlex.split("alphapulse ingest files FILE --symbol ES --venue XCME --period 1m --stamps close")
    assert understood(named)["stamps"] == "close"
    named = command(lambda: ap.trades("ES"))
    assert named == shlex.split("alphapulse ingest files FILE --symbol ES --venue XCME --kind trades")
    ts = pa.array(np.array(["2013-07-02T00:00", "2013-07-05T00:00"], "M8[ns]").astype(np.int64)).cast(schemas.TIME)
    figures = dict.fromkeys(schemas.FIGURES, np.ones(2))
    writer.write_bars(tmp_path, future, "1d", pa.table(figures | {"ts": ts, "available_at": ts}), "x")
    for ask in (
        lambda: ap.bars("ES", "1d", "2013-07-03", "2013-07-03"),  # held around it: nothing traded
        lambda: ap.bars("ES", "1m", as_of="2013-07-03"),  # fetched now, it would not have been known
    ):
        with pytest.raises(AlphaPulseError) as raised:
            ask()
        assert "alphapulse ingest" not in str(raised.value)
