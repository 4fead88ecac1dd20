"""Imports killed with -9 at random moments while another process reads: nothing torn, lost, doubled or misread."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import doomed_import
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import watching_reader

from alphapulse_lib import clock
from alphapulse_lib.catalog import integrity, schemas
from alphapulse_lib.catalog.sessions import sessions

RESOURCES = Path(doomed_import.__file__).parent
SEED = 20261126


@dataclass(frozen=True)
class World:
    """Two catalogs, before an evening's imports and after them undisturbed, and what there is to know of the way."""

    before: Path
    files: Path
    answers: Path
    began: int
    expected: Mapping[str, list[str]]
    steps: int
    seconds: float
    sizes: list[int]


def write_files(folder: Path, *, evening: bool) -> None:
    """Daily and minute bars, actions and news; in the evening with more of each, and with corrections."""
    folder.mkdir()
    chance = np.random.default_rng(7)
    calendar = sessions("XNAS")
    days = calendar[(calendar.days >= np.datetime64("2019-06-03")) & (calendar.days < np.datetime64("2020-12-31"))]
    daily, known = [], len(days) if evening else len(days) - 60
    for symbol in ("ACME", "BOLT", "CORE", *(["DELTA"] if evening else [])):
        frame = walk(chance if symbol != "DELTA" else np.random.default_rng(8), len(days))
        frame.insert(0, "date", days.days.astype(str))
        frame.insert(0, "name", f"{symbol.title()} Works")
        frame.insert(0, "venue", "XNAS")
        frame.insert(0, "symbol", symbol)
        daily.append(corrected(frame.iloc[:known]) if evening else frame.iloc[:known])
    pd.concat(daily).to_csv(folder / "daily.csv", index=False)
    turn = int(np.searchsorted(days.days, np.datetime64("2020-01-01")))
    minutes = np.concatenate(
        [np.arange(days.opens[at], days.closes[at], 60 * 10**9) for at in range(turn - 2, turn + 3)]
    )
    frame = walk(chance, len(minutes))
    frame.insert(0, "time", pd.to_datetime(minutes + 60 * 10**9).strftime("%Y-%m-%d %H:%M:%S"))
    frame.insert(0, "venue", "XNAS")
    frame.insert(0, "symbol", "ACME")
    (corrected(frame) if evening else frame.iloc[:-390]).to_csv(folder / "minute.csv", index=False)
    paid = 0.3 if evening else 0.25
    rows = [("ACME", "dividend", "2019-09-03", "", 0.2), ("BOLT", "dividend", "2020-03-02", "", paid)]
    rows += [("CORE", "dividend", "2020-06-01", "", 0.1)] if evening else []
    table = pd.DataFrame(rows, columns=["symbol", "kind", "ex_date", "ratio", "amount"])
    table.insert(1, "venue", "XNAS")
    table.to_csv(folder / "actions.csv", index=False)
    news = []
    for number in range(80 if evening else 60):
        published = pd.Timestamp("2019-07-01 14:00") + pd.Timedelta(days=6 * number)
        company = ("Acme", "Bolt", "Core", "Delta")[number % 4]
        news.append((f"n{number}", published, published, f"{company} Works beats estimates, number {number}"))
        if evening and number % 5 == 0:
            later = published + pd.Timedelta(days=1)
            news.append((f"n{number}", published, later, f"{company} Works misses estimates, number {number}"))
    table = pd.DataFrame(news, columns=["id", "published_at", "available_at", "headline"])
    table.to_csv(folder / "news.csv", index=False)


def walk(chance: np.random.Generator, count: int) -> pd.DataFrame:
    close = np.round(50 * np.exp(np.cumsum(chance.normal(0, 0.01, count))), 2)
    return pd.DataFrame(
        {
            "open": close,
            "high": close + 0.5,
            "low": close - 0.5,
            "close": close,
            "volume": chance.integers(1, 10**6, count),
        }
    )


def corrected(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.copy()
    wrong = frame.index[::23]
    frame.loc[wrong, "high"] += 0.25
    frame.loc[wrong, "volume"] += 7
    return frame


def rows_of(root: Path, began: int) -> dict[str, list[str]]:
    """Every row of every file, as text in an order of its own; what the second evening stamped is called later."""
    found = {}
    for path in sorted(root.rglob("*.parquet")):
        table = pq.ParquetFile(path).read()
        for name in ("available_at", "recorded_at"):
            if name in table.schema.names:
                late = pc.greater_equal(table[name], pa.scalar(began, schemas.TIME))
                text = pc.if_else(late, "later", table[name].cast(pa.int64()).cast(pa.string()))
                table = table.set_column(table.schema.get_field_index(name), name, text)
        if "import_id" in table.schema.names:
            table = table.drop_columns(["import_id"])
        found[path.relative_to(root).as_posix()] = sorted(map(repr, table.to_pylist()))
    return found


def process(*arguments: object, home: Path, catalog: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env=os.environ
        | {"ALPHAPULSE_HOME": str(home), "ALPHAPULSE_CATALOG": str(catalog), "PYTHONPATH": str(RESOURCES)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    told = process.stdout.readline()
    assert told, process.wait()  # what it had to say stands on the standard error
    return told


def tell(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin
    process.stdin.write(f"{text}\n")
    process.stdin.flush()


def doomed(world_files: Path, death: dict[str, Any], home: Path, catalog: Path) -> subprocess.Popen[str]:
    started = process(RESOURCES / "doomed_import.py", world_files, json.dumps(death), home=home, catalog=catalog)
    assert line(started) == "ready\n"
    return started


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    before, after = tmp_path / "before", tmp_path / "after"
    write_files(tmp_path / "morning", evening=False)
    write_files(tmp_path / "evening", evening=True)
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(before))
    doomed_import.imports(tmp_path / "morning")
    began = clock.now_ns()
    shutil.copytree(before, after)
    undisturbed = doomed(tmp_path / "evening", {}, tmp_path / "home", after)
    tell(undisturbed, "go")
    told = json.loads(line(undisturbed))
    undisturbed.communicate()
    assert integrity.check(before) == integrity.check(after) == []
    watching_reader.keep(tmp_path / "answers", before, "before", began)
    watching_reader.keep(tmp_path / "answers", after, "after", began)
    held = {path.relative_to(before): path.read_bytes() for path in before.rglob("*.parquet")}
    changed = [path for path in after.rglob("*.parquet") if held.get(path.relative_to(after)) != path.read_bytes()]
    expected = rows_of(after, began)
    # Corrections, a new instrument and revised news are in what is killed, or this proves nothing.
    assert sum(name.startswith("revisions/") for name in expected) == 5
    assert any("DELTA" in name for name in expected) and any(
        "DELTA" in row for row in expected["mentions/2019.parquet"]
    )
    sizes = [path.stat().st_size for path in sorted(changed)]
    return World(
        before, tmp_path / "evening", tmp_path / "answers", began, expected, told["steps"], told["seconds"], sizes
    )


@pytest.fixture
def reader(world: World, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with process(
        RESOURCES / "watching_reader.py", world.answers, home=tmp_path / "home", catalog=world.before
    ) as started:
        assert line(started) == "ready\n"
        yield started
        started.kill()


def deaths(world: World, count: int) -> list[dict[str, Any]]:
    """A third before a step on the disk, a third in the middle of a write, a third at any moment."""
    chance = random.Random(SEED)
    made: list[dict[str, Any]] = []
    for number in range(count):
        size = chance.choice(world.sizes)
        made.append(
            (
                {"operation": chance.randint(1, world.steps)},
                {"byte": size - chance.randint(1, size // 2)},
                {"after": chance.uniform(0, world.seconds)},
            )[number % 3]
        )
    return made


class Victim:
    """A catalog before the evening, and a process ready to import into it until it dies."""

    def __init__(self, world: World, death: dict[str, Any], root: Path, home: Path) -> None:
        self.root, self.death = root, death
        shutil.copytree(world.before, root)
        told = {name: value for name, value in death.items() if name != "after"}
        self.process = doomed(world.files, told, home, root)

    def die(self) -> int:
        """Import; the signal that it died of, 0 where it was faster than the clock."""
        tell(self.process, "go")
        if "after" in self.death:
            time.sleep(self.death["after"])
            self.process.kill()
        self.process.communicate(timeout=120)
        assert self.process.returncode <= 0
        return -self.process.returncode


def besiege(
    world: World, reader: subprocess.Popen[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> str:
    figures, reads, home = Counter[str](), Counter[str](), tmp_path / "home"
    planned = deaths(world, count)
    for number, death in enumerate(planned):
        victim = Victim(world, death, tmp_path / f"catalog-{number}", home)
        root = victim.root
        tell(reader, str(root))
        died = victim.die()
        figures["half-written files left"] += len(list(root.rglob("*.part")))
        figures["half-way"] += died != 0 and rows_of(root, world.began) != world.expected
        monkeypatch.setenv("ALPHAPULSE_CATALOG", str(root))
        doomed_import.imports(world.files)
        tell(reader, "")
        told = json.loads(line(reader))
        assert told.pop("wrong") == [], death
        reads.update(told)
        assert rows_of(root, world.began) == world.expected, death
        assert integrity.check(root) == [], death
        records = [json.loads(path.read_text()) for path in (root / "imports").glob("*.json")]
        assert {record["status"] for record in records} <= {"finished", "interrupted"}
        assert not list((root / "imports").glob("*.unfinished")) and not list((root / "incoming").iterdir())
        shutil.rmtree(root)
        figures[signal.Signals(died).name if died else "ended before its kill"] += 1
        if not died:  # the undisturbed one took longer, or more steps: one more kill, at an earlier moment
            planned.append({how: type(when)(when / 2) for how, when in death.items()})
    assert figures["half-written files left"] and figures["half-way"], "no kill hit inside of the import"
    assert reads["before"] and reads["after"]
    return (
        f"{count} kills of imports of {world.steps} steps on the disk: {dict(figures)}; reads meanwhile: {dict(reads)}"
    )


def test_kills_tear_lose_and_double_nothing(
    world: World,
    reader: subprocess.Popen[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    told = besiege(world, reader, tmp_path, monkeypatch, 6)
    with capsys.disabled():
        sys.stdout.write(f"\n{told}\n")


@pytest.mark.siege
@pytest.mark.timeout(3600)
def test_a_hundred_kills_tear_lose_and_double_nothing(
    world: World,
    reader: subprocess.Popen[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    told = besiege(world, reader, tmp_path, monkeypatch, 100)
    with capsys.disabled():
        sys.stdout.write(f"\n{told}\n")
