"""Long series are read a stretch at a time, and give what they would give if they were held."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from nautilus_trader.backtest import BacktestEngine, BacktestEngineConfig
from nautilus_trader.common import LoggerConfig
from nautilus_trader.execution import MakerTakerFeeModel
from nautilus_trader.model import AccountType, Money, OmsType, Venue

import alphapulse_lib as ap
from alphapulse_lib import clock
from alphapulse_lib.catalog import reader, writer
from alphapulse_lib.catalog.decimals import to_floats
from alphapulse_lib.catalog.fingerprints import of_bars
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.engine.batches import Source, batches
from alphapulse_lib.engine.feed import Feed, forward
from alphapulse_lib.engine.nautilus import nautilus_instrument
from alphapulse_lib.engine.objects import bars_of, execution_bars, opening_trades
from alphapulse_lib.engine.rows import HELD, KEPT, Rows, held_rows, rows_of_series
from alphapulse_lib.engine.strategies import SmaCross
from alphapulse_lib.errors import CatalogChanged
from alphapulse_lib.model.window import Window
from tests.benchmarks.made import AAA, MINUTE, unbroken

#: Some stretches more than are held.
LONG = HELD + 20_000


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("long") / "catalog"
    write(folder)
    return folder


def write(root: Path, name: int = 1, rows: int = LONG) -> None:
    writer.write_bars(root, AAA, MINUTE, unbroken(rows, name), "test")
    writer.write_instruments(root, [AAA], [])


def rows_of(root: Path, window: Window | None = None, **seen: int) -> Rows:
    return rows_of_series(Roots.of(root), AAA, MINUTE, window or Window(), **seen)


def test_a_long_series_is_read_again_as_it_would_be_held(root: Path) -> None:
    whole = reader.bar_table(root, AAA.id, MINUTE).combine_chunks()
    rows, held = rows_of(root), held_rows(whole, AAA)
    assert not rows.are_held
    assert held.are_held
    assert len(rows) == len(held) == LONG
    assert rows.ts.tolist() == whole["ts_event"].cast(pa.int64()).to_pylist()
    for name in ("open", "high", "low", "close", "volume"):
        figures = to_floats(whole[name], 0 if name == "volume" else 4)
        assert np.array_equal(rows.floats(name), figures), name
        some = np.random.default_rng(3).integers(0, LONG, 500)
        assert np.array_equal(rows.floats_at(name, some), figures[some]), name
    assert np.array_equal(rows.closes, held.closes)
    assert rows.floats_at("open", np.empty(0, np.int64)).tolist() == []
    assert [rows.volume(at) for at in (0, LONG - 1)] == [held.volume(0), held.volume(LONG - 1)]
    assert rows.fingerprint() == held.fingerprint() == of_bars(whole)
    parts = [(span, part) for span, part in rows.stretches(["high", "ts_event"])]
    assert len(parts) > 3, "a series that is read at once proves nothing"
    assert pa.concat_tables([part for _, part in parts]).equals(whole.select(["high", "ts_event"]))
    assert [span.start for span, _ in parts[1:]] == [span.stop for span, _ in parts[:-1]]


def test_few_bars_are_held_and_so_are_those_of_a_short_window(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "few", rows=1_000)
    assert rows_of(tmp_path / "few").are_held
    first = int(rows_of(root).ts[0])
    short = rows_of(root, Window(first, first + 30_000 * MINUTE.nanoseconds))
    assert short.are_held
    assert len(short) == 30_001
    assert len(rows_of(root, Window(0, 1))) == 0


def test_a_window_of_a_long_series_begins_and_ends_where_it_says(root: Path) -> None:
    stamps = rows_of(root).ts
    window = Window(int(stamps[777]) + 1, int(stamps[-778]) - 1)
    found = rows_of(root, window)
    assert not found.are_held
    assert found.ts.tolist() == stamps[778:-778].tolist()
    assert found.fingerprint() == of_bars(reader.bar_table(root, AAA.id, MINUTE, window))


def test_what_was_corrected_since_is_read_as_it_was_recorded(tmp_path: Path) -> None:
    root = tmp_path / "catalog"
    write(root)
    before, moment = rows_of(root), clock.now_ns()
    kept = before.fingerprint()
    again = unbroken(LONG, 1).slice(40_000, 9)
    writer.write_bars(root, AAA, MINUTE, again.set_column(4, "close", pa.array(np.full(9, 1.0))), "test")
    after, then = rows_of(root), rows_of(root, recorded_as_of=moment)
    assert (after.closes != before.closes).nonzero()[0].tolist() == list(range(40_000, 40_009))
    assert not then.are_held
    assert then.fingerprint() == kept != after.fingerprint()


def test_bars_that_were_filled_in_later_leave_no_stretch_behind(tmp_path: Path) -> None:
    """Of a gap that was filled since, a file has rows of which the run sees none."""
    root, whole = tmp_path / "catalog", unbroken(LONG, 1)
    writer.write_bars(root, AAA, MINUTE, pa.concat_tables([whole.slice(0, 20_000), whole.slice(70_000)]), "test")
    few, moment = rows_of(root), clock.now_ns()
    assert few.are_held
    write(root)
    then = rows_of(root, recorded_as_of=moment)
    assert not then.are_held
    assert len(then) == LONG - 50_000
    assert then.fingerprint() == few.fingerprint()
    feeds = [Feed(AAA, MINUTE, rows, forward(rows.ts, []), 4, "team") for rows in (then, few)]
    assert [feed.thin("close") for feed in feeds] == [None, None]
    assert feeds[0].engine_table().equals(feeds[1].engine_table())
    assert feeds[0].at(20_000) == feeds[1].at(20_000)
    assert len(rows_of(root, recorded_as_of=1)) == 0


def test_an_import_of_ones_own_lays_nothing_over_what_is_being_read(root: Path, tmp_path: Path) -> None:
    roots = Roots(root, tmp_path / "own")
    rows = rows_of_series(roots, AAA, MINUTE, Window())
    write(tmp_path / "own", name=2)
    assert rows.fingerprint() == rows_of(root).fingerprint()
    assert np.array_equal(to_floats(rows.stretch(2)["close"], 4), rows.closes[rows.span(2)])
    assert rows_of_series(roots, AAA, MINUTE, Window()).fingerprint() != rows.fingerprint()


@pytest.mark.parametrize("splits", [[], [(10_000, 2.0), (LONG - 9_000, 0.5)]])
def test_the_engine_is_given_the_same_in_stretches(root: Path, splits: list[tuple[int, float]]) -> None:
    """Over the stretches' ends, and over splits."""
    whole, found = held_rows(reader.bar_table(root, AAA.id, MINUTE).combine_chunks(), AAA), rows_of(root)
    ratio = forward(found.ts, [(int(found.ts[at]), factor) for at, factor in splits])
    ours, theirs = (Feed(AAA, MINUTE, rows, ratio, 8, "team") for rows in (found, whole))
    assert ours.has_splits == bool(splits)
    assert ours.tick == theirs.tick
    opens = ours.opens(np.empty(0, np.int64))
    for first in (0, 9_990, 16_370, 60_000, LONG - 9_010):
        rows = slice(first, min(first + 40, LONG))
        made = [
            (bars_of(feed, rows), opening_trades(feed, opens, rows), execution_bars(feed, None, rows, 1))
            for feed in (ours, theirs)
        ]
        assert made[0] == made[1]
        assert len(made[0][0]) == 40
        assert [ours.at(row) for row in (rows.start, rows.stop - 1)] == [
            theirs.at(rows.start),
            theirs.at(rows.stop - 1),
        ]
    # Of bars known late the market is asked for others than those that were given last.
    assert [ours.at(row) for row in (0, 40_000, LONG - 1)] == [theirs.at(row) for row in (0, 40_000, LONG - 1)]
    assert ours.engine_table().equals(theirs.engine_table())
    moment = int(ours.ts[50_000])
    assert ours.volume_before(moment) == theirs.volume_before(moment)


def test_a_run_reads_what_it_is_given_once(root: Path) -> None:
    """A batch reaches over more stretches than are held, and both its trades and its bars are made of them."""
    read: list[int] = []
    found = rows_of(root)
    firsts = [found.span(number).start for number in found.reaching()]

    def of_stretch(number: int, columns: Sequence[str] | None) -> pa.Table:
        read.append(number)
        return found.stretch(number).select(columns or found.stretch(number).column_names)

    feed = Feed(AAA, MINUTE, Rows(AAA, found.ts, found.closes, firsts, of_stretch), np.ones(LONG), 8, "team")
    source = Source(feed, feed.opens(np.empty(0, np.int64)), trades=True, thin=None)
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggerConfig(bypass_logging=True)))
    engine.add_venue(
        Venue("XNAS"),
        OmsType.NETTING,
        AccountType.MARGIN,
        [Money.from_str("1000 USD")],
        fee_model=MakerTakerFeeModel(Decimal(0), Decimal(0)),
    )
    engine.add_instrument(nautilus_instrument(AAA, 8))
    for batch in batches(engine, [source], []):
        assert len(set(read)) > KEPT
        here = int(np.searchsorted(feed.ts, batch.start or 0, side="right"))
        assert feed.at(here)[3] == Decimal(str(feed.closes[here])).quantize(Decimal("1e-16"))
    assert read == [*found.reaching()]


def test_bars_without_volume_are_found_in_every_stretch(tmp_path: Path) -> None:
    table = unbroken(LONG, 1)
    volume = table["volume"].to_numpy().copy()
    empty = [3, 20_000, LONG - 1]
    volume[empty] = 0
    at = table.schema.get_field_index("volume")
    writer.write_bars(tmp_path / "c", AAA, MINUTE, table.set_column(at, "volume", pa.array(volume)), "test")
    found = rows_of(tmp_path / "c")
    for fill in ("next_open", "close"):
        thin = Feed(AAA, MINUTE, found, forward(found.ts, []), 4, "team").thin(fill)  # type: ignore[arg-type]
        assert thin is not None
        assert set(empty) <= set(np.flatnonzero(thin).tolist())
    assert (found.floats("volume") == 0).sum() == len(empty)


def test_a_catalog_that_is_another_one_meanwhile_is_refused(tmp_path: Path) -> None:
    """Somebody's hand does that, and no import: what is corrected is read as it was."""
    root = tmp_path / "catalog"
    write(root)
    rows = rows_of(root)
    shutil.rmtree(root)
    write(root, name=2)
    with pytest.raises(CatalogChanged, match=r"AAA\.XNAS are others than when the run began"):
        rows.stretch(2)
    shutil.rmtree(root)
    with pytest.raises(CatalogChanged):
        rows.fingerprint()


def test_memory_grows_by_less_than_a_bar_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figure: Any) -> None:
    """A bar is 96 bytes as it is stored; held until the end of a run it took 190, and 25 where stretches are read."""
    root = tmp_path / "catalog"
    write(root, rows=1_000_000)
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(root))
    told = []
    for rows in (150_000, 1_000_000):
        end = datetime.fromtimestamp(int(rows_of(root).ts[rows - 1]) // 10**9, UTC)
        run = ap.backtest(SmaCross, "AAA", "1m", end=end, params={"fast": 500, "slow": 2000}, progress=False)
        assert run.record.series[0].rows == len(run.equity) == rows
        told.append(float(run.record.environment["took_megabytes"]))
    bytes_a_bar = (told[1] - told[0]) * 1e6 / 850_000
    figure(f"a run's memory: {told[0]:.0f} and {told[1]:.0f} MB of 150,000 and 1,000,000 minute bars")
    assert bytes_a_bar < 96
