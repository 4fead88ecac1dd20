"""A damaged file, met by everything that reads one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alphapulse_lib.catalog import actions, datasets, integrity, reader, writer
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.parquet import opened, whole
from alphapulse_lib.errors import CatalogDamaged
from alphapulse_lib.model.instrument import Instrument


def overwritten(path: Path) -> bytes:
    """A file whose footer is whole and whose rows are not."""
    sound = path.read_bytes()
    return sound[:4] + b"\xff" * (len(sound) // 3) + sound[4 + len(sound) // 3 :]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "numbers.parquet"
    pq.write_table(pa.table({"number": list(range(20_000)), "text": ["x"] * 20_000}), path)
    return path


def test_a_sound_file(file: Path) -> None:
    assert opened(file).metadata.num_rows == 20_000
    assert whole(file, ["text"]).column_names == ["text"]
    assert whole(file, pa.schema([("number", pa.int16())])).schema.types == [pa.int16()]


@pytest.mark.parametrize(
    "damage", [lambda path: path.read_bytes()[:-50], lambda _: b"PAR1", lambda _: b"", overwritten]
)
def test_a_damaged_file_is_named_with_what_to_do(file: Path, damage: Callable[[Path], bytes]) -> None:
    file.write_bytes(damage(file))
    with pytest.raises(CatalogDamaged, match=r"(?s)numbers\.parquet cannot be read: .*remove it.*alphapulse check"):
        whole(file)


def test_a_file_that_lacks_a_column(file: Path) -> None:
    with pytest.raises(CatalogDamaged, match="price"):
        whole(file, ["price"])


@pytest.mark.parametrize("name", ["instruments.parquet", "listings.parquet"])
def test_a_damaged_index_is_told_by_whoever_needs_it(root: Path, aapl: Instrument, name: str) -> None:
    root.mkdir()
    (root / name).write_bytes(b"torn")
    for act in (
        lambda: Index(root),
        lambda: writer.write_instruments(root, [aapl]),
        lambda: writer.remove_import(root, "one"),
    ):
        with pytest.raises(CatalogDamaged, match=name):
            act()


@pytest.mark.parametrize("damage", [lambda path: path.read_bytes()[:-50], overwritten])
def test_damaged_bars_are_told_by_reader_and_writer(
    root: Path, aapl: Instrument, bars: Callable[..., pa.Table], damage: Callable[[Path], bytes]
) -> None:
    rows = bars([("2013-01-02 21:00", 10.0), ("2013-01-03 21:00", 11.0)])
    writer.write_bars(root, aapl, "1d", rows, "one")
    (path,) = reader.bar_files(root, aapl.id, "1d")
    path.write_bytes(damage(path))
    for act in (
        lambda: reader.bar_table(root, aapl.id, "1d"),
        lambda: writer.write_bars(root, aapl, "1d", rows, "two"),
        lambda: writer.remove_import(root, "one"),
    ):
        with pytest.raises(CatalogDamaged, match=r"AAPL\.XNAS-1-DAY"):
            act()
    path.unlink()
    assert writer.write_bars(root, aapl, "1d", rows, "two").rows_new == 2, "the advice: remove it, and import again"


@pytest.mark.parametrize("name", ["actions.parquet", "articles/2013.parquet"])
def test_damaged_actions_and_articles(root: Path, name: str) -> None:
    (root / name).parent.mkdir(parents=True)
    (root / name).write_bytes(b"torn")
    read = actions.read if name.startswith("actions") else lambda root: datasets.read(root, "articles")
    for act in (read, lambda root: writer.remove_import(root, "one")):
        with pytest.raises(CatalogDamaged, match=name):
            act(root)


def pages(path: Path) -> list[tuple[str, int, int]]:
    """Where each column's pages lie in a file: its name, first byte, and how many."""
    told = pq.read_metadata(path)
    return [
        (each.path_in_schema, each.dictionary_page_offset or each.data_page_offset, each.total_compressed_size)
        for group in range(told.num_row_groups)
        for each in (told.row_group(group).column(number) for number in range(told.num_columns))
    ]


def test_a_flipped_bit_in_any_page_is_found_by_whoever_reads_it(
    root: Path, aapl: Instrument, bars: Callable[..., pa.Table]
) -> None:
    days = [str(day)[:16] for day in np.arange("2010-01-01T21:00", "2014-01-01T21:00", np.timedelta64(1, "D"), "M8[m]")]
    writer.write_instruments(root, [aapl])
    writer.write_bars(root, aapl, "1d", bars([(day, 10 + at % 97 / 7) for at, day in enumerate(days)]), "one")
    (path,) = reader.bar_files(root, aapl.id, "1d")
    sound, before = path.read_bytes(), reader.bar_table(root, aapl.id, "1d")
    for name, start, size in pages(path):
        held = whole(path, [name])
        for place in (*range(0, size, size // 10), size - 1):
            path.write_bytes(sound[: start + place] + bytes([sound[start + place] ^ 4]) + sound[start + place + 1 :])
            try:
                read = whole(path, [name])
            except CatalogDamaged as refused:
                assert "cannot be read: " in refused.message and "import its data again" in refused.hint
            else:  # what is beside the values in a page's head, such as the least of them, nobody reads
                assert place != size - 1 and read.equals(held), (name, place)
        (found,) = integrity.check(root)
        assert found.file == path and "cannot be read" in found.problem, name
        path.write_bytes(sound)
    assert reader.bar_table(root, aapl.id, "1d").equals(before)


@pytest.mark.parametrize("name", ["recorded_at", "import_id", "close_float"])
def test_no_row_is_left_out_without_a_word_where_a_bit_flips_in_the_head_of_a_page(
    root: Path, aapl: Instrument, bars: Callable[..., pa.Table], name: str
) -> None:
    """It says how many values follow, and no checksum is of it."""
    days = [str(day)[:16] for day in np.arange("2010-01-01T21:00", "2011-01-01T21:00", np.timedelta64(1, "D"), "M8[m]")]
    writer.write_bars(root, aapl, "1d", bars([(day, 10 + at % 97 / 7) for at, day in enumerate(days)]), "one")
    (path,) = reader.bar_files(root, aapl.id, "1d")
    file, held, short = path.read_bytes(), whole(path, [name]), 0
    (start,) = (start for column, start, _ in pages(path) if column == name)
    for place, bit in product(range(start, start + 60), range(8)):
        path.write_bytes(file[:place] + bytes([file[place] ^ 1 << bit]) + file[place + 1 :])
        try:
            assert whole(path, [name]).equals(held), (place - start, bit)
        except CatalogDamaged as refused:
            short += f"of {len(days)} rows" in refused.message
            with pytest.raises(CatalogDamaged):
                reader.bar_table(root, aapl.id, "1d", columns=[name])
    assert short, "pyarrow tells of all of it: nothing need be counted here"


def test_files_from_before_pages_had_checksums_are_read_as_ever(
    root: Path, aapl: Instrument, bars: Callable[..., pa.Table]
) -> None:
    writer.write_instruments(root, [aapl])
    writer.write_bars(root, aapl, "1d", bars([("2013-01-02 21:00", 10.0), ("2013-01-03 21:00", 11.0)]), "one")
    (path,) = reader.bar_files(root, aapl.id, "1d")
    before = reader.bar_table(root, aapl.id, "1d")
    pq.write_table(pq.ParquetFile(path).read(), path, write_page_checksum=False)
    assert reader.bar_table(root, aapl.id, "1d").equals(before) and integrity.check(root) == []
