"""Each defect put in by hand, one at a time."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alphapulse_lib.catalog import actions, integrity, reader, writer
from alphapulse_lib.errors import CatalogDamaged
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.window import Window
from alphapulse_lib.query.sql import relation

TWO = [("2013-01-02 21:00", 10.0), ("2013-01-03 21:00", 11.0)]


@pytest.fixture
def sound(root: Path, aapl: Instrument, bars: Callable[..., pa.Table]) -> Path:
    """A sound catalog's one published bar file, with a superseded bar beside it."""
    writer.write_instruments(root, [aapl])
    writer.write_bars(root, aapl, "1d", bars(TWO), "one")
    writer.write_bars(root, aapl, "1d", bars([("2013-01-03 21:00", 12.0)]), "two")
    assert integrity.check(root) == []
    (path,) = reader.bar_files(root, aapl.id, "1d")
    return path


def problems(root: Path) -> list[str]:
    return [each.problem for each in integrity.check(root)]


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    pq.write_table(change(pq.ParquetFile(path).read()), path)


def replaced(name: str, row: int, value: object) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        at = table.schema.get_field_index(name)
        column = table[name].to_pylist()
        column[row] = value if value is not None else column[row - 1]
        return table.set_column(at, table.schema.field(name), pa.array(column, table.schema.field(name).type))

    return change


def test_a_torn_file(root: Path, sound: Path):
    sound.write_bytes(sound.read_bytes()[:200])
    (problem,) = integrity.check(root)
    assert problem.file == sound and "cannot be read" in problem.problem


def test_a_file_of_somebody_elses_without_statistics(root: Path, sound: Path, aapl: Instrument):
    pq.write_table(pq.ParquetFile(sound).read(), sound, write_statistics=False)
    assert [each.file for each in integrity.check(root)] == [sound]
    for read in (reader.bar_table, reader.bar_floats):
        with pytest.raises(CatalogDamaged, match="it has no statistics of available_at"):
            read(root, aapl.id, "1d")
    with pytest.raises(CatalogDamaged, match="it has no statistics of ts_event"):
        reader.span(sound)


def test_a_file_without_a_row(root: Path, sound: Path, aapl: Instrument):
    rewrite(sound, lambda table: table.slice(0, 0))
    assert problems(root) == ["holds no bar"]
    assert reader.bar_table(root, aapl.id, "1d").num_rows == 0
    assert reader.bar_table(root, aapl.id, "1d", Window(1, 2)).num_rows == 0
    assert reader.span(sound)[0] == 0
    assert list(reader.groups_of(sound, Window())) == []


@pytest.mark.parametrize("name", ["instruments.parquet", "listings.parquet", "actions.parquet"])
def test_a_torn_index(root: Path, sound: Path, name: str):
    (root / name).write_bytes(b"PAR1")
    assert [each.file.name for each in integrity.check(root)] == [name]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda table: table.take([1, 0]), "out of order"),
        (replaced("ts_event", 1, None), "bars twice"),
        (replaced("high", 0, 1), "1 bars whose high or low is not the extreme"),
        (replaced("available_at", 0, 1), "1 bars that were available before they closed"),
        (replaced("ts_event", 0, 0), "1 daily bars stamped where XNAS closes no session"),
        (replaced("available_at", 1, 1), "should have replaced"),
        (lambda table: table.drop_columns(["recorded_at"]), "lacks recorded_at"),
        (lambda table: table.replace_schema_metadata({}), "is not a bar file"),
    ],
)
def test_rows_that_cannot_be(root: Path, sound: Path, change: Callable[[pa.Table], pa.Table], told: str):
    rewrite(sound, change)
    found = problems(root)
    assert any(told in problem for problem in found), found


def test_a_copy_beside_the_file_is_read_twice(root: Path, sound: Path):
    name = "2013-01-01T00-00-00-000000000Z_2013-12-31T23-59-59-999999999Z.parquet"
    shutil.copy(sound, sound.with_name(name))
    assert "holds files whose bounds overlap: their bars are read twice" in problems(root)
    for read in (lambda: reader.bar_table(root, "AAPL.XNAS", "1d"), lambda: relation(root, "FROM bars_1d")):
        with pytest.raises(CatalogDamaged, match="overlap: what both hold would be read twice"):
            read()


@pytest.mark.parametrize("name", ["copy.parquet", ".hidden.parquet", "sub/x.parquet"])
def test_names_that_nautilus_reads_by_mistake(root: Path, sound: Path, name: str):
    copy = sound.parent / name
    copy.parent.mkdir(exist_ok=True)
    shutil.copy(sound, copy)
    assert "is no file of this catalog, yet NautilusTrader reads it" in problems(root)
    if name == "copy.parquet":
        with pytest.raises(CatalogDamaged, match="its name states no bounds"):
            reader.bar_table(root, "AAPL.XNAS", "1d")
    integrity.check(root, repair=True)
    assert reader.bar_table(root, "AAPL.XNAS", "1d").num_rows == 2


def test_a_file_in_another_series_folder(root: Path, sound: Path):
    other = sound.parent.with_name("MSFT.XNAS-1-DAY-LAST-EXTERNAL")
    other.mkdir()
    shutil.copy(sound, other / sound.name)
    assert "holds AAPL.XNAS-1-DAY-LAST-EXTERNAL, not what its folder says" in problems(root)


def test_series_and_actions_nobody_knows(root: Path, sound: Path, bars: Callable[..., pa.Table]):
    writer.write_bars(root, Instrument("MSFT.XNAS"), "1d", bars(TWO), "x")
    row = {"instrument_id": "IBM.XNYS", "kind": "split", "ratio": 2.0, "available_at": 0, "source": "x"}
    ex_date = pa.array([0], pa.int32()).cast(pa.date32())
    actions.write(root, pa.table({name: [value] for name, value in row.items()} | {"ex_date": ex_date}), "x")
    assert sorted(problems(root)) == [
        "holds actions of IBM.XNYS, which the index does not know",
        "holds bars of MSFT.XNAS, which the index does not know",
    ]


@pytest.mark.parametrize("content", ["", "torn", '{"form', '{"format": "two"}', "[]"])
def test_a_stamp_that_tells_no_format_is_a_finding_and_all_else_is_looked_at(root: Path, sound: Path, content: str):
    sound.write_bytes(sound.read_bytes()[:200])
    (root / "catalog.json").write_text(content)
    for repair in (False, True):  # nothing can be written to such a catalog: nothing is repaired, and that is said
        stamp, torn = integrity.check(root, repair=repair)
        assert stamp.file == root / "catalog.json" and stamp.problem == "does not say which format the catalog has."
        assert '{"format": 2}' in stamp.advice and "no repair is made" in stamp.advice
        assert torn.file == sound and not torn.repaired
    (root / "catalog.json").write_text('{"format": 2}')  # as the advice says
    assert [each.file for each in integrity.check(root)] == [sound]


def test_a_catalog_of_a_later_format_is_not_judged(root: Path, sound: Path):
    sound.write_bytes(b"what later AlphaPulses may well write")
    (root / "catalog.json").write_text('{"format": 99}')
    (problem,) = integrity.check(root, repair=True)
    assert "format 99" in problem.problem and problem.advice == "Upgrade AlphaPulse."
