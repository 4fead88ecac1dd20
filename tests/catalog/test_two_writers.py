"""Two processes that write at once, and a disk that is full: one waits, nothing is lost, what failed works again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path, PurePath

import numpy as np
import pytest

import alphapulse_lib as ap
from alphapulse_lib.catalog import integrity, reader
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.errors import CatalogError

WRITER = """
import sys
import pyarrow as pa
from alphapulse_lib.catalog import schemas, writer
from alphapulse_lib.catalog.publish import locked
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.location import location
from alphapulse_lib.model.instrument import Instrument

root, name, first, held = location(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4] == "hold"
closes = sessions("XNAS").closes[10_000:]
print("ready", flush=True)
sys.stdin.readline()

def write(at, symbol):
    price = [10.0 + at]
    ts = pa.array(closes[at : at + 1]).cast(schemas.TIME)
    table = pa.table({"ts": ts, **dict.fromkeys(schemas.PRICES, price), "volume": [1.0], "available_at": ts})
    instrument = Instrument(f"{symbol}.XNAS")
    writer.write_instruments(root, [instrument], import_id=name)
    writer.write_bars(root, instrument, "1d", table, name)

if held:
    with locked(root):
        print("held", flush=True)
        sys.stdin.readline()
for at in range(first, first + 20):
    write(at, "BOTH")
    write(at, name)
"""


def writer(root: PurePath, name: str, first: int, hold: str = "") -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root), name, str(first), hold],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout and started.stdout.readline() == "ready\n"
    return started


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("go\n")
    process.stdin.flush()


def count(root: PurePath, symbol: str) -> int:
    return reader.bar_table(root, f"{symbol}.XNAS", "1d").num_rows


@pytest.mark.parametrize("root", ["folder", "store"], indirect=True)
def test_two_that_write_the_same_series_at_once_both_land(root: PurePath):
    both = [writer(root, "ONE", 0), writer(root, "TWO", 20)]
    for each in both:
        tell(each)
    for each in both:
        each.communicate(timeout=120)
    assert [each.returncode for each in both] == [0, 0]
    assert [count(root, symbol) for symbol in ("ONE", "TWO", "BOTH")] == [20, 20, 40]
    assert [each.symbol for each in Index(root).instruments()] == ["BOTH", "ONE", "TWO"]
    assert integrity.check(root) == []


@pytest.mark.parametrize("root", ["folder", "store"], indirect=True)
def test_one_waits_for_the_other(root: PurePath):
    first, second = writer(root, "ONE", 0, "hold"), writer(root, "TWO", 20)
    tell(first)
    assert first.stdout and first.stdout.readline() == "held\n"
    tell(second)
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(0.7)
    assert count(root, "TWO") == count(root, "BOTH") == 0
    tell(first)
    for each in (first, second):
        each.communicate(timeout=120)
        assert each.returncode == 0
    assert [count(root, symbol) for symbol in ("ONE", "TWO", "BOTH")] == [20, 20, 40]
    assert integrity.check(root) == []


def test_a_full_disk_breaks_nothing_and_works_again_when_there_is_room(
    small_disk: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    root = small_disk("160k") / "catalog"
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(root))
    days = sessions("XNAS").days[8_000:12_000].astype(str)
    close = np.round(np.random.default_rng(1).random(len(days)) * 5 + 50, 4)
    rows = [
        f"{day},{price},{price},{price},{price},{at}" for at, (day, price) in enumerate(zip(days, close, strict=True))
    ]
    head, small, large = "Date,Open,High,Low,Close,Volume\n", tmp_path / "small.csv", tmp_path / "large.csv"
    small.write_text(head + "\n".join(rows[:100]))
    large.write_text(head + "\n".join(rows))
    told = {"symbol": "ACME", "venue": "XNAS"}
    ap.ingest("files", small, **told)
    before = reader.bar_table(root, "ACME.XNAS", "1d")
    with pytest.raises(CatalogError, match=r"(?s)could not be written: No space left on device.*Make room on the disk"):
        ap.ingest("files", large, **told)
    assert reader.bar_table(root, "ACME.XNAS", "1d").equals(before)
    assert [each for each in integrity.check(root) if each.file.suffix == ".parquet"] == []
    small_disk("4m")
    report = ap.ingest("files", large, **told)
    assert (report.written, report.unchanged) == (3900, 100)
    assert reader.bar_floats(root, "ACME.XNAS", "1d")["close"].to_numpy() == pytest.approx(close)
    assert integrity.check(root) == []
    assert not list(root.rglob("*.unfinished"))
