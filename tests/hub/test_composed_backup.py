"""The backup of a hub whose parts are containers, on folders in place of volumes; tests/docker has real ones."""

from __future__ import annotations

import io
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from alphapulse_lib.errors import HubError
from alphapulse_lib.settings import Settings
from hub.backup import composed
from hub.backup.restoring import restore
from hub.backup.taking import take
from hub.keys import keys

SETTINGS = "ALPHAPULSE_USERS=ann\nALPHAPULSE_ALPACA_KEY=PKCANARYCOMPOSED\nALPHAPULSE_AUTH_CLIENT_SECRET='of it'\n"
TEAM = "team-desk-0123456789abcdef"
PARTS = ("hub", "proxy", "worker", "catalog", "workspace-ann", "workspace-bob-2ec", TEAM)


def quiet(_line: str) -> None:
    pass


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """What the container sees: volumes with something of every kind in them, the dumps lying ready."""
    root = tmp_path / "kept"
    for part in (*PARTS, "database/backup", "database/passwords", "database/data", "proxy/run"):
        (root / part).mkdir(parents=True)
    (root / "hub" / "keys.json").write_text("{}")
    (root / "proxy" / "run" / "routes.json").write_text("of this start alone")
    (root / "database" / "data" / "PG_VERSION").write_text("17")
    for name in ("hub", "api", "worker"):
        (root / "database" / "backup" / f"{name}.dump").write_text(f"dump of {name}")
        (root / "database" / "passwords" / name).write_text(f"password of {name}")
        (root / "database" / "passwords" / name).chmod(0o600)
    ann = root / "workspace-ann"
    ann.chmod(0o700)
    (ann / "run.sh").write_text("#!/bin/sh\n")
    (ann / "run.sh").chmod(0o751)
    for name, rights in (("runtime", 0o1700), ("shared", 0o2770)):  # the first is Jupyter's own way
        (ann / name).mkdir()
        (ann / name).chmod(rights)
    (ann / "link").symlink_to("/etc/hostname")
    (root / TEAM / "plan.md").write_text("buy low")
    with closing(sqlite3.connect(ann / "mine.db")) as connection:
        connection.execute("CREATE TABLE mine (number INTEGER)")
        connection.execute("INSERT INTO mine VALUES (7)")
        connection.commit()
    return root


def taken(kept: Path) -> bytes:
    out = io.BytesIO()
    composed.take(kept, io.StringIO(SETTINGS), out, quiet)
    return out.getvalue()


def volumes(folder: Path) -> Path:
    """Those of an empty machine."""
    for part in (*PARTS, "database"):
        (folder / part).mkdir(parents=True)
    return folder


def held(root: Path) -> dict[str, tuple[str, str]]:
    told = {}
    for path in root.rglob("*"):
        kind = str(path.readlink()) if path.is_symlink() else path.read_bytes().hex() if path.is_file() else ""
        told[str(path.relative_to(root))] = (stat.filemode(path.lstat().st_mode), kind)
    return told


def test_new_volumes_are_equal_and_the_settings_are_told_without_vendors_keys(kept: Path, tmp_path: Path) -> None:
    backup, settings = taken(kept), io.StringIO()
    assert b"PKCANARYCOMPOSED" not in backup
    assert composed.check(io.BytesIO(backup), quiet) == dict.fromkeys((TEAM, *PARTS[-3:-1]), "")
    new = volumes(tmp_path / "new")
    composed.put(new, io.BytesIO(backup), settings)
    wanted = {name: told for name, told in held(kept).items() if not name.startswith("database/data")}
    assert wanted.pop("proxy/run/routes.json")
    found = held(new)
    for name in ("database/backup", "workspace-ann/mine.db"):
        assert found.pop(name) and wanted.pop(name)
    for name in ("hub", "api", "worker"):  # read by PostgreSQL's own program, as the same account
        assert found.pop(f"database/backup/{name}.dump")[1] == wanted.pop(f"database/backup/{name}.dump")[1]
    assert found == wanted
    with closing(sqlite3.connect(new / "workspace-ann" / "mine.db")) as connection:
        assert connection.execute("SELECT number FROM mine").fetchall() == [(7,)]
    assert settings.getvalue() == "ALPHAPULSE_USERS='ann'\nALPHAPULSE_AUTH_CLIENT_SECRET='of it'\n"


def test_a_volume_is_to_be_limited_as_the_settings_say_unless_it_is_about_full(kept: Path) -> None:
    (kept / "workspace-ann" / "large.bin").write_bytes(b"x" * 3_000_000)
    for limit, of_ann in (("4", "size=4000000"), ("3", ""), ("0", ""), ("'many'", "")):
        out, said = io.BytesIO(), list[str]()
        composed.take(kept, io.StringIO(f"ALPHAPULSE_DISK_LIMIT={limit}\n"), out, quiet)
        told = composed.check(io.BytesIO(out.getvalue()), said.append)
        others = f"size={limit}000000" if limit in "43" else ""
        assert told == {TEAM: others, "workspace-ann": of_ann, "workspace-bob-2ec": others}
        assert ("workspace-ann holds about as much" in said[-1]) is (limit == "3"), "it could not be put back otherwise"


@pytest.mark.parametrize("part", [0.01, 0.5, 0.95])
def test_a_torn_one_is_refused_before_anything_is_made(kept: Path, part: float) -> None:
    whole = taken(kept).rstrip(b"\0")
    with pytest.raises(HubError, match=r"torn|no backup of AlphaPulse|cannot be read"):
        composed.check(io.BytesIO(whole[: int(len(whole) * part)]), quiet)


def test_a_changed_byte_is_refused(kept: Path) -> None:
    whole = taken(kept)
    with pytest.raises(HubError, match=r"api\.dump is not what was written"):
        composed.check(io.BytesIO(whole.replace(b"dump of api", b"dump of apx")), quiet)


def test_nothing_is_put_over_what_is_there_and_no_dump_may_be_missing(kept: Path, tmp_path: Path) -> None:
    backup, new = taken(kept), volumes(tmp_path / "new")
    (new / "catalog" / "precious").write_text("theirs")
    with pytest.raises(HubError, match="The volume of catalog is not empty"):
        composed.put(new, io.BytesIO(backup), io.StringIO())
    assert [each.name for each in new.rglob("*") if each.is_file()] == ["precious"]
    (kept / "database" / "backup" / "api.dump").unlink()
    with pytest.raises(HubError, match=r"api\.dump: No such file"):
        taken(kept)


def test_each_command_reads_its_own_and_names_the_other(kept: Path, tmp_path: Path) -> None:
    (tmp_path / "composed.tar").write_bytes(taken(kept))
    with pytest.raises(HubError, match=r"was taken by docker/compose\.sh backup") as refused:
        restore(Settings(home=tmp_path / "other"), tmp_path / "composed.tar", quiet)
    assert "docker/compose.sh restore" in refused.value.hint
    mine = Settings(home=tmp_path / "home")
    mine.home_root.mkdir()
    keys(mine.home_root)
    take(mine, tmp_path / "mine.tar", quiet)
    with pytest.raises(HubError, match="was taken by alphapulse backup"):
        composed.check(io.BytesIO((tmp_path / "mine.tar").read_bytes()), quiet)
