"""Files that stay open from one question to the next: never those of before a publish, and not too many."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alphapulse_lib import clock
from alphapulse_lib.catalog import reader, schemas, writer
from alphapulse_lib.errors import CatalogDamaged
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.window import Window

MINUTE = 60 * 10**9
TAKEN_BACK = "import sys; from pathlib import Path; from alphapulse_lib.catalog import writer\n"
TAKEN_BACK += "writer.remove_import(Path(sys.argv[1]), 'restated')"


def minutes(begins: int, closes: np.ndarray) -> pa.Table:
    ts = pa.array(begins + MINUTE * np.arange(len(closes))).cast(schemas.TIME)
    return pa.table(dict.fromkeys(schemas.FIGURES, closes.astype(float)) | {"ts": ts, "available_at": ts})


def closes(root: Path, instrument: Instrument, window: Window | None = None) -> list[float]:
    return reader.bar_floats(root, instrument.id, "1m", window, columns=["close"])["close"].to_pylist()


def held_open(root: Path) -> list[str]:
    """The bar files of a root that this process has open."""
    return [each.path for each in psutil.Process().open_files() if each.path.startswith(str(root / "data"))]


def footers() -> int:
    """How many files' footers this process holds."""
    return sum(isinstance(each, pq.FileMetaData) for each in gc.get_objects())


def test_what_is_published_is_read_by_the_next_question_whoever_published_it(
    root: Path, aapl: Instrument, at: Callable[[str], int]
):
    begins = at("2013-01-02 15:00")
    writer.write_bars(root, aapl, "1m", minutes(begins, np.arange(3)), "first")
    assert closes(root, aapl) == closes(root, aapl) == [0.0, 1.0, 2.0]
    writer.write_bars(root, aapl, "1m", minutes(begins, np.full(3, 7)), "restated")
    assert closes(root, aapl) == closes(root, aapl) == [7.0, 7.0, 7.0]
    subprocess.run([sys.executable, "-c", TAKEN_BACK, str(root)], check=True)
    assert closes(root, aapl) == [0.0, 1.0, 2.0]
    (path,) = reader.bar_files(root, aapl.id, "1m")
    assert held_open(root) == [str(path)], "neither what was replaced nor the same file twice"


def test_what_was_known_once_is_read_again_and_again_of_the_same_open_files(
    root: Path, aapl: Instrument, at: Callable[[str], int]
):
    """A run as of a past moment asks for one part of a long series after the other, and each opening left its footer
    in memory until Python came to look for circles."""
    begins = at("2013-01-02 15:00")
    writer.write_bars(root, aapl, "1m", minutes(begins, np.arange(3)), "first")
    moment = clock.now_ns()
    writer.write_bars(root, aapl, "1m", minutes(begins, np.full(3, 7)), "restated")

    def then(end: int) -> list[float]:
        table = reader.bar_floats(root, aapl.id, "1m", Window(begins, end), recorded_as_of=moment, columns=["close"])
        return table["close"].to_pylist()

    assert then(begins + MINUTE) == [0.0, 1.0]
    gc.collect()
    before = footers()
    gc.disable()
    try:
        assert [len(then(begins + MINUTE * (number % 3))) for number in range(12)] == [1, 2, 3] * 4
        assert footers() == before
    finally:
        gc.enable()
    assert closes(root, aapl) == [7.0, 7.0, 7.0]
    writer.write_bars(root, aapl, "1m", minutes(begins, np.full(3, 8)), "again")
    assert then(begins + 5 * MINUTE) == [0.0, 1.0, 2.0]


def test_one_that_was_torn_since_is_refused_and_read_once_it_is_sound_again(
    root: Path, aapl: Instrument, at: Callable[[str], int]
):
    writer.write_bars(root, aapl, "1m", minutes(at("2013-01-02 15:00"), np.arange(3)), "first")
    assert closes(root, aapl) == [0.0, 1.0, 2.0]
    (path,) = reader.bar_files(root, aapl.id, "1m")
    sound = path.read_bytes()
    path.write_bytes(sound[:-50])
    with pytest.raises(CatalogDamaged, match=r"AAPL\.XNAS-1-MINUTE"):
        closes(root, aapl)
    path.write_bytes(sound)
    assert closes(root, aapl) == [0.0, 1.0, 2.0]


def test_a_flipped_bit_is_an_error_not_a_price(root: Path, aapl: Instrument, at: Callable[[str], int]):
    held = np.arange(3_000) % 97 / 4
    writer.write_bars(root, aapl, "1m", minutes(at("2013-01-02 15:00"), held), "first")
    (path,) = reader.bar_files(root, aapl.id, "1m")
    sound, group = path.read_bytes(), pq.read_metadata(path).row_group(0)
    (column,) = [each for each in map(group.column, range(group.num_columns)) if each.path_in_schema == "close_float"]
    # Past the page's header, whose bits have no checksum.
    place = column.data_page_offset + column.total_compressed_size // 2
    path.write_bytes(sound[:place] + bytes([sound[place] ^ 4]) + sound[place + 1 :])
    with pytest.raises(CatalogDamaged, match=r"AAPL\.XNAS-1-MINUTE"):
        closes(root, aapl)
    path.write_bytes(sound)
    assert closes(root, aapl) == held.tolist()


def test_of_many_files_few_stay_open(root: Path, bars: Callable[..., pa.Table]):
    names = [Instrument(f"N{number}.XNAS") for number in range(40)]
    for number, each in enumerate(names):
        writer.write_bars(root, each, "1d", bars([("2013-01-02 21:00", float(number))]), "x")
    for _ in range(2):
        found = [reader.bar_floats(root, each.id, "1d")["close"].to_pylist() for each in names]
        assert found == [[float(number)] for number in range(40)]
        assert 0 < len(held_open(root)) <= 32


def test_threads_that_ask_for_parts_of_one_file_get_their_own(root: Path, aapl: Instrument, at: Callable[[str], int]):
    begins = at("2013-01-02")
    writer.write_bars(root, aapl, "1m", minutes(begins, np.arange(50_000)), "x")

    def part(first: int) -> bool:
        window = Window(begins + first * MINUTE, begins + (first + 99) * MINUTE)
        return closes(root, aapl, window) == [float(each) for each in range(first, first + 100)]

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(part, range(0, 49_900, 500)))
