"""A universe's files, read together, tell what each tells alone: by hand, and with files that spoil the lot."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from alphapulse_lib.catalog import floats, layout, reader, small_files, writer
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import CatalogDamaged
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.window import Window
from alphapulse_lib.query.bars import BarReading
from alphapulse_lib.query.reading import wide

NAMES = [Instrument(f"N{number:02}.XNAS") for number in range(40)]
DAYS = ("2013-01-02 21:00", "2013-01-03 21:00", "2013-01-04 21:00")
COLUMNS = ["ts_event", "close_float"]
#: Parent and child both read the universe, the parent first; the child's end tells whether it could.
FORKED = """
import os, signal
import alphapulse_lib as ap
symbols = ap.instruments()["symbol"].tolist()
assert ap.prices(symbols).shape == (3, 40)
child = os.fork()
if not child:
    signal.alarm(60)
    os._exit(0 if ap.prices(symbols).shape == (3, 40) else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.fixture
def universe(root: Path, bars: Callable[..., pa.Table]) -> list[Path]:
    """Forty names' three closes: the name's number, and 100 more a day. Of their files the list."""
    writer.write_instruments(root, NAMES)
    for number, each in enumerate(NAMES):
        writer.write_bars(root, each, "1d", bars([(day, number + 100.0 * at) for at, day in enumerate(DAYS)]), "x")
    return [path for each in NAMES for path in reader.bar_files(root, each.id, "1d")]


def closes(root: Path, window: Window | None = None) -> pa.Table:
    """Side by side."""
    return wide(BarReading(Roots.of(root), NAMES, "1d", columns=["close"]), window or Window(), "close")


def column(number: int) -> list[float]:
    return [number + 100.0 * at for at in range(3)]


def test_all_are_read_together(universe: list[Path]):
    found = small_files.read(universe, COLUMNS)
    assert list(found) == universe
    for number, path in enumerate(universe):
        assert found[path]["close_float"].to_pylist() == column(number)
        assert found[path].columns == pq.read_table(path, columns=COLUMNS).columns


def test_side_by_side_and_a_part_of_time(root: Path, universe: list[Path], at: Callable[[str], int]):
    table = closes(root)
    assert [table[each.symbol].to_pylist() for each in NAMES] == [column(number) for number in range(40)]
    assert table["ts"].cast(pa.int64()).to_pylist() == [at(day) for day in DAYS]
    inside = closes(root, Window(at(DAYS[1]), at(DAYS[2]) - 1))
    assert [inside[each.symbol].to_pylist() for each in NAMES] == [[number + 100.0] for number in range(40)]


def test_what_becomes_known_later_is_not_seen(root: Path, universe: list[Path], bars: Callable[..., pa.Table]):
    """One close is restated for the year 2200, and one name has a bar of then."""
    writer.write_bars(root, NAMES[3], "1d", bars([(DAYS[1], 9.0, "2200-01-02")]), "later")
    writer.write_bars(root, NAMES[4], "1d", bars([("2200-01-02 21:00", 9.0)]), "later")
    assert set(universe) - set(small_files.read(universe, COLUMNS)) == {universe[3], universe[4]}
    assert [closes(root)[NAMES[each].symbol].to_pylist() for each in (3, 4)] == [column(3), column(4)]


def test_what_another_process_publishes_is_seen_at_once(root: Path, universe: list[Path]):
    assert closes(root)["N05"].to_pylist() == column(5)
    program = "import sys; from alphapulse_lib.catalog import writer; from pathlib import Path\n"
    program += "writer.remove_import(Path(sys.argv[1]), 'restated')"
    table = pa.table({"ts": closes(root)["ts"], **dict.fromkeys(("open", "high", "low", "close", "volume"), [7.0] * 3)})
    rows = table.append_column("available_at", table["ts"])
    writer.write_bars(root, NAMES[5], "1d", rows, "restated")
    assert closes(root)["N05"].to_pylist() == [7.0] * 3
    subprocess.run([sys.executable, "-c", program, str(root)], check=True)
    assert closes(root)["N05"].to_pylist() == column(5)


def test_a_file_of_a_catalog_of_format_1(root: Path, universe: list[Path]):
    table = pq.read_table(universe[6])
    pq.write_table(table.select(floats.left_out(table.schema).names), universe[6])
    assert set(universe) - set(small_files.read(universe, COLUMNS)) == {universe[6]}
    assert closes(root)["N06"].to_pylist() == column(6)


@pytest.mark.parametrize("damage", ["torn", "empty", "its rows", "it lacks the time"])
def test_the_damaged_one_is_named(root: Path, universe: list[Path], damage: str):
    sound = universe[7].read_bytes()
    overwritten = sound[:4] + b"\xff" * (len(sound) // 2) + sound[4 + len(sound) // 2 :]
    if damage == "it lacks the time":
        pq.write_table(pq.read_table(universe[7]).drop_columns(["ts_event"]), universe[7])
    else:
        universe[7].write_bytes({"torn": sound[:-50], "empty": b"", "its rows": overwritten}[damage])
    with pytest.raises(CatalogDamaged, match=r"(?s)N07\.XNAS-1-DAY.*alphapulse check"):
        closes(root)


def test_a_flipped_bit_is_an_error_not_a_price(root: Path, universe: list[Path]):
    """In the page of one name's closes; once in a file that was sound when it was read before."""
    closes(root)
    group = pq.read_metadata(universe[7]).row_group(0)
    (column,) = [each for each in map(group.column, range(group.num_columns)) if each.path_in_schema == "close_float"]
    content = bytearray(universe[7].read_bytes())
    content[column.data_page_offset - 4] ^= 1  # in the dictionary before it, which has the prices
    universe[7].write_bytes(content)
    for _ in range(2):
        assert set(universe) - set(small_files.read(universe, COLUMNS)) == {universe[7]}
        with pytest.raises(CatalogDamaged, match=r"(?s)N07\.XNAS-1-DAY.*alphapulse check"):
            closes(root)


def test_polars_breaking_down_over_a_page_that_went_bad_since_it_was_held_is_an_error_with_the_files_name(
    root: Path, universe: list[Path], monkeypatch: pytest.MonkeyPatch
):
    """A bit that flips on the disk changes nothing that a file is known by: here, in how a page says it is coded."""
    monkeypatch.setattr(small_files, "_hold", lambda *_: None)
    group = pq.read_metadata(universe[7]).row_group(0)
    (column,) = [each for each in map(group.column, range(group.num_columns)) if each.path_in_schema == "close_float"]
    content = bytearray(universe[7].read_bytes())
    content[column.data_page_offset + 16] ^= 1
    universe[7].write_bytes(content)
    with pytest.raises(CatalogDamaged, match=r"(?s)N07\.XNAS-1-DAY.*alphapulse check"):
        closes(root)


def test_a_strangers_file_is_refused(root: Path, universe: list[Path]):
    (universe[8].parent / "part-0.parquet").write_bytes(universe[8].read_bytes())
    with pytest.raises(CatalogDamaged, match=r"part-0\.parquet is no file of this catalog"):
        closes(root)


def test_a_name_is_one_files_whatever_it_looks_like(root: Path, universe: list[Path]):
    """What other programs read as a pattern or as a partition means nothing here."""
    folder = root / "data" / "bars" / "odd=[N]*"
    folder.mkdir()
    odd = folder / universe[9].name
    odd.write_bytes(universe[9].read_bytes())
    found = small_files.read([*universe[:9], *universe[10:], odd], COLUMNS)
    assert found[odd]["close_float"].to_pylist() == column(9)


def test_a_file_without_rows(root: Path, universe: list[Path]):
    pq.write_table(pq.read_table(universe[1]).slice(0, 0), universe[1])
    assert universe[1] not in small_files.read(universe, COLUMNS)
    assert layout.window_of(universe[1]) == Window(0, 2**63 - 1)


def test_of_an_earlier_moment_each_is_asked_alone(root: Path, universe: list[Path], bars, at: Callable[[str], int]):
    writer.write_bars(root, NAMES[2], "1d", bars([(DAYS[0], 8.0, "2013-01-10")]), "restated")
    assert closes(root)["N02"][0].as_py() == 8.0
    reading = BarReading(Roots.of(root), NAMES, "1d", as_of=at("2013-01-09"), columns=["close"])
    before = wide(reading, Window(), "close")
    assert [before[each.symbol].to_pylist() for each in NAMES] == [column(number) for number in range(40)]
    assert pc.sum(before["N02"]).as_py() == sum(column(2))


def test_a_process_that_was_forked_from_one_that_read_a_universe_reads_it_too(root: Path, universe: list[Path]):
    environment = {"ALPHAPULSE_CATALOG": str(root), "ALPHAPULSE_HOME": str(root.parent / "home"), "PATH": ""}
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORKED], env=environment, check=True, timeout=120)
