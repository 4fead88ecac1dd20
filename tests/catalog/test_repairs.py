"""A catalog damaged in each way: it is found, what to do is said, and what can be repaired loses nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alphapulse_lib.catalog import actions, datasets, floats, integrity, layout, reader, schemas, ticks, writer
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.publish import locked
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.model.instrument import Instrument

type Damage = Callable[[Path, Path], None]


def some_bars(count: int, price: float = 50.0, period: str = "1d") -> pa.Table:
    known = sessions("XNAS")
    first = int(np.searchsorted(known.days, np.datetime64("2013-01-02")))
    ts = (
        known.closes[first : first + count]
        if period == "1d"
        else known.opens[first] + 60 * 10**9 * np.arange(1, count + 1)
    )
    close = price + np.arange(count) / 100
    stamps = pa.array(ts).cast(schemas.TIME)
    figures = {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": np.full(count, 1000.0)}
    return pa.table({"ts": stamps, **figures, "available_at": stamps})


@pytest.fixture
def sound(root: Path, aapl: Instrument) -> Path:
    """A sound catalog: two instruments, minutes, a correction, a split and articles. The path of AAPL's daily bars."""
    other = Instrument("MSFT.XNAS")
    writer.write_instruments(root, [aapl, other])
    writer.write_bars(root, aapl, "1d", some_bars(40), "one")
    writer.write_bars(root, aapl, "1d", some_bars(3, 51.0), "two")
    writer.write_bars(root, aapl, "1m", some_bars(100, period="1m"), "one")
    writer.write_bars(root, other, "1d", some_bars(40), "one")
    row = {"source": ["x"], "id": ["1"], "headline": ["Apple"], "published_at": [10**18], "available_at": [10**18]}
    datasets.write(root, "articles", pa.table(row), "one")
    assert integrity.check(root) == []
    return reader.bar_files(root, aapl.id, "1d")[0]


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    pq.write_table(change(pq.ParquetFile(path).read()), path)


def tear(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:500])


def described(**changes: str) -> Damage:
    def damage(root: Path, daily: Path) -> None:
        rewrite(
            daily,
            lambda table: table.replace_schema_metadata(
                table.schema.metadata | {name.encode(): value.encode() for name, value in changes.items()}
            ),
        )

    return damage


def scaled(first: int, last: int, factor: int) -> Damage:
    def change(table: pa.Table) -> pa.Table:
        for name in schemas.PRICES:
            at = table.schema.get_field_index(name)
            values = [
                value * factor if first <= row < last else value for row, value in enumerate(table[name].to_pylist())
            ]
            table = table.set_column(at, table.schema.field(name), pa.array(values, table.schema.field(name).type))
        return floats.added(table)

    return lambda root, daily: rewrite(daily, change)


def a_cent_more(column: str) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        at = table.schema.get_field_index(column)
        return table.set_column(at, table.schema.field(at), pa.compute.add(table[column], 0.01))

    return change


def running(root: Path, daily: Path) -> None:
    (root / "imports").mkdir()
    (root / "imports" / "x1.json").write_text(json.dumps({"id": "x1", "status": "running"}))


def left_over(root: Path, daily: Path) -> None:
    (root / "incoming").mkdir(exist_ok=True)
    (root / "incoming" / "a.part").write_text("half")


def copied(name: str) -> Damage:
    return lambda root, daily: shutil.copy(daily, daily.with_name(name)) and None


def unknown_to_the_index(root: Path, daily: Path) -> None:
    table = pq.read_table(root / "instruments.parquet")
    pq.write_table(table.filter(pa.compute.not_equal(table["id"], "AAPL.XNAS")), root / "instruments.parquet")


MOVED, ORDER = "moved to damaged/", "put in order"
#: What is done, what is told, what the repair says.
REPAIRABLE: dict[str, tuple[Damage, str, str]] = {
    "torn bars": (lambda root, daily: tear(daily), "cannot be read", MOVED),
    "torn articles": (lambda root, daily: tear(root / "articles/2001.parquet"), "cannot be read", MOVED),
    "torn index": (lambda root, daily: tear(root / "instruments.parquet"), "cannot be read", MOVED),
    "foreign name": (copied("copy.parquet"), "is no file of this catalog", MOVED),
    "overlap": (
        copied("2013-01-01T00-00-00-000000000Z_2013-12-31T23-59-59-999999999Z.parquet"),
        "bounds overlap",
        MOVED,
    ),
    "unsorted": (
        lambda root, daily: rewrite(daily, lambda table: table.take(list(range(39, -1, -1)))),
        "out of order",
        ORDER,
    ),
    "duplicated": (
        lambda root, daily: rewrite(daily, lambda table: pa.concat_tables([table.slice(0, 9), table.slice(4)])),
        "holds 5 bars twice",
        "5 rows held twice are held once",
    ),
    "duplicated articles": (
        lambda root, daily: rewrite(
            root / "articles/2001.parquet", lambda table: pa.concat_tables([table, table]).unify_dictionaries()
        ),
        "holds 1 rows twice",
        "held once",
    ),
    "floats of other decimals": (
        lambda root, daily: rewrite(daily, a_cent_more("close_float")),
        "holds 40 floats that differ from their decimals",
        "made anew of the decimals",
    ),
    "superseded floats of other decimals": (
        lambda root, daily: rewrite(root / "revisions" / daily.relative_to(root / "data"), a_cent_more("low_float")),
        "holds 3 floats that differ from their decimals",
        "made anew of the decimals",
    ),
    "a file of format 1": (
        lambda root, daily: rewrite(daily, lambda table: table.drop_columns([*floats.COLUMNS])),
        "lacks open_float, high_float",
        "made anew of the decimals",
    ),
    "no instrument": (unknown_to_the_index, "which the index does not know", "entered into the index"),
    "no NautilusTrader file": (
        lambda root, daily: shutil.rmtree(root / "data/equity/AAPL.XNAS"),
        "is missing: NautilusTrader",
        "written anew",
    ),
    "revisions alone": (lambda root, daily: daily.unlink(), "superseded bars of a file that is gone", MOVED),
    "left-over": (left_over, "left by a writer that died", "never part of the catalog"),
    "dead import": (running, "died before its end", "marked as interrupted"),
    "another series": (described(bar_type="IBM.XNYS-1-DAY-LAST-EXTERNAL"), "not what its folder says", MOVED),
}


@pytest.mark.parametrize("way", REPAIRABLE)
def test_what_can_be_repaired_is_and_nothing_is_lost(root: Path, sound: Path, way: str):
    damage, told, done = REPAIRABLE[way]
    before = reader.bar_table(root, "AAPL.XNAS", "1d")
    past = reader.bar_table(root, "AAPL.XNAS", "1d", as_of=1_400_000_000_000_000_000)
    damage(root, sound)
    content = {path.read_bytes() for path in root.rglob("*") if path.suffix in (".parquet", ".part")}
    found = integrity.check(root)
    assert any(told in each.problem and each.advice for each in found), found
    assert content == {path.read_bytes() for path in root.rglob("*") if path.suffix in (".parquet", ".part")}
    repaired = integrity.check(root, repair=True)
    assert any(told in each.problem and done in each.repaired for each in repaired), repaired
    assert integrity.check(root) == []
    if way not in ("no instrument", "torn index", "no NautilusTrader file", "dead import", "left-over"):
        # Each file that was there is there still, in its place or aside.
        assert content <= {path.read_bytes() for path in root.rglob("*") if path.is_file()}
    if way not in ("torn bars", "revisions alone", "another series"):
        assert reader.bar_table(root, "AAPL.XNAS", "1d").equals(before)
        assert reader.bar_table(root, "AAPL.XNAS", "1d", as_of=1_400_000_000_000_000_000).equals(past)
    assert Index(root).get("AAPL.XNAS") is not None


@pytest.mark.parametrize(
    ("damage", "told", "advice"),
    [
        (described(price_precision="2"), "has price precision 2, its instrument 4", "import it again"),
        (described(size_precision="3"), "has size precision 3, its instrument 0", "import it again"),
        (scaled(10, 11, 10), "holds 2 jumps of the price by a power of ten", "another source"),
        (
            scaled(10, 40, 100),
            "holds 1 jumps of the price by a power of ten that no split explains, the first on 2013-01-16",
            "",
        ),
        (scaled(0, 5, 1000), "holds 1 jumps", ""),
    ],
)
def test_what_a_person_must_decide_is_found_and_let_be(root: Path, sound: Path, damage: Damage, told: str, advice: str):
    damage(root, sound)
    content = sound.read_bytes()
    found = integrity.check(root, repair=True)
    assert any(told in each.problem and advice in each.advice and not each.repaired for each in found), found
    assert sound.read_bytes() == content


def test_a_split_by_ten_is_no_mistaken_scale(root: Path, sound: Path):
    scaled(0, 10, 10)(root, sound)
    assert len(integrity.check(root)) == 1
    day = pa.array([date(2013, 1, 16)])
    split = {"instrument_id": "AAPL.XNAS", "kind": "split", "ratio": 10.0, "available_at": 0, "source": "x"}
    actions.write(root, pa.table({name: [value] for name, value in split.items()} | {"ex_date": day}), "x")
    assert integrity.check(root) == []


def test_minutes_far_from_any_session_are_found(root: Path, sound: Path, aapl: Instrument):
    sunday = int(np.datetime64("2013-01-06T12:00", "ns").astype(np.int64))
    early = int(
        np.datetime64("2013-01-04T09:05", "ns").astype(np.int64)
    )  # 04:05 in New York: before the open, no defect
    stamps = pa.array([early, sunday]).cast(schemas.TIME)
    writer.write_bars(
        root, aapl, "1m", some_bars(2).set_column(0, "ts", stamps).set_column(6, "available_at", stamps), "x"
    )
    (found,) = integrity.check(root)
    assert found.problem == "holds 1 bars hours away from any session of XNAS" and "stamps=" in found.advice


def test_what_a_living_writer_is_about_to_put_in_place_is_no_left_over(root: Path, sound: Path):
    with locked(root):
        left_over(root, sound)
        assert integrity.check(root) == []
    assert len(integrity.check(root)) == 1


def some_ticks() -> pa.Table:
    columns = {"price": [50.0, 50.1, 50.2], "size": [1.0] * 3, "trade_id": ["a", "b", "c"]}
    ts = pa.array([1_357_137_000_000_000_000 + at for at in range(3)]).cast(schemas.TIME)
    return pa.table({"ts": ts, "available_at": ts, **columns})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda table: table.take([2, 1, 0]), "holds ticks out of order"),
        (lambda table: pa.concat_tables([table, table.slice(2)]).unify_dictionaries(), "holds 1 ticks twice"),
        (lambda table: table.replace_schema_metadata({}), "does not say whose ticks it holds"),
        (lambda table: table.drop_columns(["recorded_at"]), "lacks recorded_at"),
    ],
)
def test_ticks_that_cannot_be(
    root: Path, sound: Path, aapl: Instrument, change: Callable[[pa.Table], pa.Table], told: str
):
    ticks.write_trades(root, aapl, some_ticks(), "x")
    assert integrity.check(root) == []
    (path,) = (root / "data/trades").rglob("*.parquet")
    rewrite(path, change)
    assert told in [each.problem for each in integrity.check(root)]


def test_a_catalog_of_format_1_is_brought_to_2(root: Path, sound: Path):
    before = {path: pq.ParquetFile(path).read() for path in layout.bar_files(root)}
    assert len(before) == 4
    for path in before:
        rewrite(path, lambda table: table.drop_columns([*floats.COLUMNS]))
    (root / "catalog.json").write_text(json.dumps({"format": 1, "made": "long ago"}))
    (problem,) = integrity.check(root)
    assert problem.file.name == "catalog.json" and "format 1" in problem.problem
    (repaired,) = integrity.check(root, repair=True)
    assert repaired.repaired == "4 bar files written anew, in format 2"
    assert json.loads((root / "catalog.json").read_text()) == {"format": 2, "made": "long ago"}
    assert integrity.check(root) == []
    for path, table in before.items():
        assert pq.ParquetFile(path).read().equals(table)
