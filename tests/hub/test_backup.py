"""What a backup and its restoring refuse, and by which name; PostgreSQL's databases, table by table."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from postgres import PostgreSQL
from sqlalchemy import create_engine, inspect, text

from alphapulse_lib.errors import HubError
from alphapulse_lib.settings import Settings
from hub.api.comments.markup import rendered
from hub.api.comments.schema import New
from hub.api.comments.store import CommentStore
from hub.api.database import opened
from hub.backup import archive
from hub.backup.archive import Head, written
from hub.backup.restoring import restore
from hub.backup.taking import take
from hub.keys import keys


def quiet(_line: str) -> None:
    pass


def fill(chosen: Settings) -> Settings:
    """A home with a comment in its database, keys, and a file of somebody's."""
    (chosen.home_root / "users" / "ada").mkdir(parents=True)
    (chosen.home_root / "users" / "ada" / "a.txt").write_text("hers")
    engine = opened(chosen)
    CommentStore(engine).add(New(target="notebook:a.ipynb", body="hello"), rendered("hello"), "ada")
    engine.dispose()
    keys(chosen.home_root)
    return chosen


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("taken")
    take(fill(Settings(home=folder / "home")), folder / "taken.tar", quiet)
    return folder / "taken.tar"


@pytest.fixture
def empty(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def held(place: Path) -> set[str]:
    return {str(path.relative_to(place)) for path in place.rglob("*")} - {"run", "run/up.lock"}


def refused(chosen: Settings, file: Path, says: str, **more: bool) -> None:
    before = held(chosen.home_root)
    with pytest.raises(HubError, match=says):
        restore(chosen, file, quiet, **more)
    assert held(chosen.home_root) == before


def test_it_comes_back(backup: Path, empty: Settings):
    restore(empty, backup, quiet)
    assert (empty.home_root / "users" / "ada" / "a.txt").read_text() == "hers"
    with opened(empty).begin() as connection:
        assert connection.execute(text("SELECT author, body FROM comments")).all() == [("ada", "hello")]
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert stat.S_IMODE((empty.home_root / "keys.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("kept", [0.001, 0.3, 0.6, 0.9, 0.99])
def test_a_torn_one_is_refused(backup: Path, empty: Settings, tmp_path: Path, kept: float):
    whole = backup.read_bytes()
    torn = tmp_path / "torn.tar"
    # The end of a tar is nothing but zeros: what counts is all before them.
    torn.write_bytes(whole[: int(len(whole.rstrip(b"\0")) * kept)])
    refused(empty, torn, "torn|no backup of AlphaPulse")


def test_a_changed_byte_is_found(backup: Path, empty: Settings, tmp_path: Path):
    whole = bytearray(backup.read_bytes())
    place = whole.index(b"hers")
    whole[place] ^= 1
    (tmp_path / "changed.tar").write_bytes(whole)
    refused(empty, tmp_path / "changed.tar", "damaged: users/ada/a.txt is not what was written")


def foreign(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    (tmp_path / "text.tar").write_text("no tar at all " * 1000)
    yield "no backup of AlphaPulse", tmp_path / "text.tar"
    (tmp_path / "nothing.tar").write_bytes(b"")
    yield "no backup of AlphaPulse", tmp_path / "nothing.tar"
    with tarfile.open(tmp_path / "another.tar", "w") as tar:
        tar.add(__file__, "home/keys.json")
    yield "it begins with 'home/keys.json'", tmp_path / "another.tar"
    yield "There is no file", tmp_path / "missing.tar"
    with written(tmp_path / "newer.tar", Head("9.0", "2030-01-01", {}, "", format=2)):
        pass
    yield "a backup of format 2; this AlphaPulse reads 1", tmp_path / "newer.tar"
    kinds = {"api": "sqlite", "worker": "sqlite"}
    with written(tmp_path / "keyless.tar", Head("0.1", "2026-01-01", kinds, "")) as writing:
        writing.content("settings.env", b"")
    yield "it is of no hub", tmp_path / "keyless.tar"
    with written(tmp_path / "strange.tar", Head("0.1", "2026-01-01", kinds, "")) as writing:
        writing.content("strange/file", b"")
    yield "a part 'strange'", tmp_path / "strange.tar"


def test_a_foreign_one_is_refused_by_name(empty: Settings, tmp_path: Path):
    for says, file in foreign(tmp_path):
        refused(empty, file, says)


@pytest.mark.parametrize("path", ["users/../../planted", "/tmp/planted", "../planted"])
def test_no_path_leads_out_of_the_home(empty: Settings, tmp_path: Path, path: str):
    with written(tmp_path / "bad.tar", Head("0.1", "2026", {"api": "sqlite", "worker": "sqlite"}, "")) as writing:
        writing.content(path, b"x")
    refused(empty, tmp_path / "bad.tar", "no file of a backup")


def test_no_link_leads_a_file_out_of_the_home(empty: Settings, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    with written(tmp_path / "bad.tar", Head("0.1", "2026", {"api": "sqlite", "worker": "sqlite"}, "")) as writing:
        writing.link("users/door", str(outside))
        writing.content("users/door/planted", b"x")
        writing.content("keys.json", b"{}")
    with pytest.raises(HubError):
        restore(empty, tmp_path / "bad.tar", quiet)
    assert list(outside.iterdir()) == []


def test_what_is_there_is_left_alone_unless_told_and_then_moved_aside(backup: Path, empty: Settings):
    mine = empty.home_root / "users" / "bob"
    mine.mkdir(parents=True)
    (mine / "precious.txt").write_text("his")
    refused(empty, backup, "users is there already: nothing was restored")
    said: list[str] = []
    restore(empty, backup, said.append, replace=True)
    (aside,) = empty.home_root.glob("users.before-*")
    assert (aside / "bob" / "precious.txt").read_text() == "his"
    assert any(str(aside) in line for line in said)
    assert (empty.home_root / "users" / "ada" / "a.txt").read_text() == "hers"


def test_nothing_is_restored_under_a_hub_that_is_up(backup: Path, empty: Settings):
    (empty.home_root / "run").mkdir(parents=True)
    with FileLock(empty.home_root / "run" / "up.lock"):
        refused(empty, backup, "AlphaPulse is up")


def test_a_backup_goes_over_nothing_and_into_no_part_of_itself(empty: Settings, tmp_path: Path):
    with pytest.raises(HubError, match="There is no hub in"):
        take(empty, tmp_path / "a.tar", quiet)
    fill(empty)
    (tmp_path / "a.tar").write_text("mine")
    with pytest.raises(HubError, match="is there already"):
        take(empty, tmp_path / "a.tar", quiet)
    assert (tmp_path / "a.tar").read_text() == "mine"
    with pytest.raises(HubError, match="a part of itself"):
        take(empty, empty.home_root / "users" / "a.tar", quiet)
    with pytest.raises(HubError, match=r"no such file or directory. No backup was written"):
        take(empty, tmp_path / "nowhere" / "a.tar", quiet)


def test_what_is_no_file_is_left_out_and_said(empty: Settings, tmp_path: Path):
    fill(empty)
    os.mkfifo(empty.home_root / "users" / "ada" / "pipe")
    (empty.home_root / "users" / "ada" / "elsewhere").symlink_to(tmp_path)
    (empty.home_root / "users" / "ada" / "odd.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    said: list[str] = []
    take(empty, tmp_path / "a.tar", said.append)
    assert any("users/ada/pipe is left out" in line for line in said)
    assert f"users/ada/elsewhere leads to {tmp_path}, and what is there is not in this file." in said
    assert any("users/ada/odd.db is kept as the bytes that it is" in line for line in said)
    again = Settings(home=tmp_path / "again")
    restore(again, tmp_path / "a.tar", said.append)
    assert (again.home_root / "users/ada/odd.db").read_bytes() == b"SQLite format 3\0" + b"x" * 5000
    assert sum("users/ada/pipe is left out" in line for line in said) == 2, "said to whoever restores it, too"


def test_a_list_that_lacks_a_file_is_found(empty: Settings, tmp_path: Path):
    with written(tmp_path / "a.tar", Head("0.1", "2026", {"api": "sqlite", "worker": "sqlite"}, "")) as writing:
        writing.content("keys.json", b"{}")
        writing.entries.clear()
    refused(empty, tmp_path / "a.tar", "it has 1 entries and lists 0")


def test_postgresql_comes_back_table_by_table(empty: Settings, tmp_path: Path):
    server = PostgreSQL().start()
    try:
        source, target = server.settings(tmp_path / "one", "one"), server.settings(tmp_path / "two", "two")
        fill(source)
        with create_engine(source.worker_database_url).begin() as connection:
            connection.execute(text("CREATE TABLE steps (name TEXT)"))
            connection.execute(text("INSERT INTO steps VALUES ('begun')"))
        with create_engine(source.hub_database_url).begin() as connection:
            connection.execute(text("CREATE TABLE spawners (name TEXT, server_id INT, state TEXT, started TEXT)"))
            connection.execute(text("INSERT INTO spawners VALUES ('ada', 7, '{}', 'then')"))
        take(source, tmp_path / "a.tar", quiet)
        refused(
            empty, tmp_path / "a.tar", "The worker database in .* is postgresql, and that of the settings is sqlite"
        )
        restore(target, tmp_path / "a.tar", quiet)
        for kind in ("api_database_url", "worker_database_url"):
            tables = []
            for each in (source, target):
                with create_engine(getattr(each, kind)).begin() as connection:
                    names = inspect(connection).get_table_names()
                    tables.append({name: connection.execute(text(f"SELECT * FROM {name}")).all() for name in names})
            assert tables[0] == tables[1]
            assert any(tables[0].values())
        with create_engine(target.hub_database_url).begin() as connection:
            servers = connection.execute(text("SELECT * FROM spawners")).all()
        assert servers == [("ada", None, None, None)], "no server of then runs"
        third = target.model_copy(update={"home": tmp_path / "three"})
        refused(third, tmp_path / "a.tar", "holds 1 tables, steps among them: nothing was restored")
        restore(third, tmp_path / "a.tar", quiet, replace=True)
        with create_engine(third.api_database_url).begin() as connection:
            assert connection.execute(text("SELECT body FROM comments")).scalars().all() == ["hello"]
    finally:
        server.remove()


def test_the_list_tells_each_file_and_no_secret(backup: Path):
    with tarfile.open(backup) as tar:
        names = tar.getnames()
        listed = json.loads(io.BytesIO(tar.extractfile(names[-1]).read()).read())
    assert names[0] == "alphapulse-backup.json" and names[-1] == "alphapulse-backup-list.json"
    assert [each["path"] for each in listed["entries"]] == names[1:-1]
    assert {"api/api.sqlite", "users/ada/a.txt", "keys.json"} <= set(names)


@pytest.mark.parametrize(("changes", "notes"), [(0, 0), (2, 0), (3, 1)])
def test_only_of_a_file_that_never_held_still_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: int, notes: int
) -> None:
    source, left, digest = tmp_path / "written-to", iter(range(changes)), hashlib.sha256
    source.write_bytes(b"a")

    def written_to() -> Any:
        if next(left, None) is not None:
            with source.open("ab") as file:
                file.write(b"b")
        return digest()

    monkeypatch.setattr(archive.hashlib, "sha256", written_to)
    with tarfile.open(tmp_path / "tar", "w") as tar:
        writing = archive.Writing(tar)
        writing.file("it", source)
    assert len(writing.notes) == notes
    with tarfile.open(tmp_path / "tar") as tar:
        kept = tar.extractfile("it")
        assert kept and kept.read() == source.read_bytes()
