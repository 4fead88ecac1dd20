"""`alphapulse doctor`: each thing that is broken is found by its own check, which says the command that mends it."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from postgres import PostgreSQL
from running_hub import PROJECT, environment, free_port
from sqlalchemy import text
from tls_front import TLSFront, certificate

from alphapulse_lib.settings import Settings
from hub.api.database import opened
from hub.api.migrations import HEAD
from hub.doctor import hosts, installed, kept, people, running
from hub.doctor.finding import Finding
from hub.keys import keys

ALPHAPULSE = Path(sys.executable).with_name("alphapulse")
CANARY = "PKCANARYDOCTOR7"


def doctor(home: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [ALPHAPULSE, "doctor", *words],
        cwd=PROJECT,
        env=environment(home, free_port(), **more),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Traceback" not in done.stderr and CANARY not in done.stdout + done.stderr
    return done


def found(home: Path, **more: str) -> tuple[int, dict[str, Finding]]:
    done = doctor(home, "--json", **more)
    told = json.loads(done.stdout)
    assert told["sound"] == (done.returncode == 0)
    return done.returncode, {each["name"]: Finding(**each) for each in told["findings"]}


@pytest.fixture
def chosen(tmp_path: Path) -> Settings:
    """A home as a hub leaves it."""
    made = Settings(home=tmp_path / "home")
    for name in ("hub", "logs", "run", "users", "worker"):
        (made.home_root / name).mkdir(parents=True, mode=0o700)
    keys(made.home_root)
    opened(made).dispose()
    with sqlite3.connect(made.home_root / "worker" / "dbos.sqlite") as connection:
        connection.execute("CREATE TABLE steps (name TEXT)")
    return made


def test_a_machine_on_which_nothing_was_started_is_sound_and_stays_untouched(tmp_path: Path):
    code, names = found(tmp_path / "home")
    assert code == 0, names
    assert not (tmp_path / "home").exists()
    expected = [*installed.CHECKS, *kept.CHECKS, *people.CHECKS, *running.CHECKS, *hosts.CHECKS]
    assert len(names) == len(expected)


def test_a_home_that_a_hub_left_is_sound_and_told_to_a_person(chosen: Settings):
    (chosen.home_root / "worker" / "dbos.sqlite").chmod(0o600)
    done = doctor(chosen.home_root)
    assert done.returncode == 0, done.stdout
    assert f"at revision {HEAD}" in done.stdout and done.stdout.endswith("Nothing is wrong.\n")


def test_what_is_wrong_is_the_exit_code_and_the_last_line(chosen: Settings):
    (chosen.home_root / "keys.json").chmod(0o644)
    more = {"ALPHAPULSE_ALPACA_KEY": CANARY}
    done = doctor(chosen.home_root, **more)
    assert done.returncode == 1
    assert f"-> chmod go= {chosen.home_root / 'keys.json'}" in done.stdout
    assert done.stdout.endswith("2 of 19 are wrong.\n")
    code, names = found(chosen.home_root, **more)
    assert (code, {name for name, each in names.items() if each.state == "wrong"}) == (1, {"secrets", "vendors' keys"})
    assert "ALPHAPULSE_ALPACA_SECRET is not" in names["vendors' keys"].said


def test_settings_that_cannot_be_read_are_a_finding(tmp_path: Path):
    code, names = found(tmp_path, ALPHAPULSE_LOG_LEVEL="LOUD")
    assert (code, names["settings"].state) == (1, "wrong")
    assert "ALPHAPULSE_LOG_LEVEL='LOUD'" in names["settings"].said


def test_the_command_that_is_said_mends_it(chosen: Settings):
    (chosen.home_root / "keys.json").chmod(0o644)
    (chosen.home_root / "users").chmod(0o755)
    told = kept.secrets(chosen)
    assert told.state == "wrong"
    subprocess.run(told.mend, shell=True, check=True)
    assert kept.secrets(chosen).state == "ok"


def damage(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4096:12288] = b"\x07" * 8192
    file.write_bytes(content)


def older(chosen: Settings) -> None:
    with opened(chosen).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))


def newer(chosen: Settings) -> None:
    with opened(chosen).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))


def ahead(chosen: Settings) -> None:
    with opened(chosen).begin() as connection:
        later = time.time_ns() + 3600 * 10**9
        connection.execute(text(f"INSERT INTO workers VALUES ('a', 'here', 1, 1, {later})"))


def other_hub(chosen: Settings) -> None:
    with sqlite3.connect(chosen.home_root / "hub" / "jupyterhub.sqlite") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('4621fec11365')")


BROKEN: list[tuple[Callable[[Settings], Finding], Callable[[Settings], object], str, str, str]] = [
    (
        kept.api_database,
        lambda chosen: damage(chosen.home_root / "api/api.sqlite"),
        "wrong",
        "damaged|malformed",
        "restore",
    ),
    (kept.api_database, older, "warning", "at revision 0001", "make up"),
    (kept.api_database, newer, "wrong", "at revision 9999", "Start the version that wrote it"),
    (
        *(
            kept.worker_database,
            lambda chosen: (chosen.home_root / "worker/dbos.sqlite").write_text("no database" * 99),
        ),
        *("wrong", "file is not a database", "restore"),
    ),
    (kept.hub_database, other_hub, "wrong", "at revision 4621fec11365, and JupyterHub", "jupyterhub upgrade-db"),
    (running.clock, ahead, "wrong", "3,(600|59.) s behind", "timedatectl"),
    (
        *(kept.catalog, lambda chosen: (chosen.home_root / "catalog").mkdir() or damaged_catalog(chosen)),
        *("wrong", "has format 99", "Upgrade"),
    ),
]


def damaged_catalog(chosen: Settings) -> None:
    (chosen.home_root / "catalog" / "catalog.json").write_text('{"format": 99}')


@pytest.mark.parametrize(("check", "harm", "state", "says", "mend"), BROKEN)
def test_each_harm_is_found(
    chosen: Settings,
    check: Callable[[Settings], Finding],
    harm: Callable[[Settings], object],
    state: str,
    says: str,
    mend: str,
):
    assert check(chosen).state in ("ok", "warning" if check is running.clock else "ok")
    harm(chosen)
    told = check(chosen)
    assert told.state == state, told
    assert re.search(says, told.said), told
    assert mend in told.mend


def test_a_taken_port_is_found(chosen: Settings):
    with socket.create_server(("127.0.0.1", 0)) as door:
        told = running.port(chosen.model_copy(update={"port": door.getsockname()[1]}))
    assert told.state == "wrong" and "is taken by another program" in told.said and "ALPHAPULSE_PORT" in told.mend


def test_a_disk_without_room_is_found(chosen: Settings, tmp_path: Path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", small], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this account may not mount a small disk")
    try:
        told = kept.disk(chosen.model_copy(update={"catalog": small}))
    finally:
        subprocess.run(["umount", small], check=True)
    assert told.state == "wrong" and f"free at {small}" in told.said


def test_whose_files_come_near_to_the_limit_is_told(tmp_path: Path):
    for name, size in (("ann", 1_900_000), ("bob", 10_000)):
        (tmp_path / "users" / name).mkdir(parents=True)
        (tmp_path / "users" / name / "data").write_bytes(os.urandom(size))
    told = people.files(Settings(home=tmp_path, disk_limit=2))
    assert told.state == "warning" and "ann's take 9" in told.said and "bob" not in told.said and told.mend
    told = people.files(Settings(home=tmp_path, disk_limit=100))
    assert told.state == "ok" and "not enforced" in told.said
    assert people.files(Settings(home=tmp_path)).state == "ok"


def test_one_database_for_both_is_found_and_no_password_is_shown(chosen: Settings):
    url = f"postgresql+psycopg://ada:{CANARY}@127.0.0.1:{free_port()}/both"
    same = chosen.model_copy(update={"api_database": url, "worker_database": url})
    assert "it is the API's database, too" in kept.worker_database(same).said
    away = kept.api_database(same)
    assert away.state == "wrong" and "does not answer" in away.said and CANARY not in away.said + away.mend


def test_databases_of_a_server_are_sound(tmp_path: Path):
    server = PostgreSQL().start()
    try:
        chosen = server.settings(tmp_path, "doc")
        assert kept.api_database(chosen).state == "warning", "it has no tables yet"
        opened(chosen).dispose()
        assert [kept.api_database(chosen).state, kept.worker_database(chosen).state] == ["ok", "ok"]
    finally:
        server.remove()


def test_a_copy_without_its_proxy_and_kernel_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert [installed.proxy().state, installed.kernel().state] == ["ok", "ok"]
    shutil.copytree(PROJECT / "kernels", tmp_path / "kernels")
    (tmp_path / "kernels" / "alphapulse" / "launch.py").unlink()
    monkeypatch.setattr(installed, "PROJECT", tmp_path)
    assert "launch.py, which starts it, is missing" in installed.kernel().said
    shutil.rmtree(tmp_path / "kernels")
    assert "There is none in" in installed.kernel().said
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert installed.proxy() == Finding(
        "proxy", "wrong", f"The proxy is not installed in {tmp_path}.", "Run: hub/set-up.sh"
    )


def test_hosts_that_lead_nowhere_or_are_none_are_named_with_what_mends_them(chosen: Settings):
    assert hosts.hosts(chosen).state == "ok", "processes isolate nothing anyway"
    shared = hosts.hosts(chosen.model_copy(update={"spawner": "docker"}))
    assert (shared.state, "ALPHAPULSE_SUBDOMAIN_HOST" in shared.mend) == ("warning", True)
    lost = hosts.hosts(chosen.model_copy(update={"subdomain_host": "https://hub.example.invalid"}))
    assert (lost.state, lost.said) == ("wrong", "hub.example.invalid leads nowhere")
    assert "Add hub.example.invalid" in lost.mend
    none = hosts.hosts(chosen.model_copy(update={"subdomain_host": "https://127.0.0.1"}))
    assert (none.state, "is no address whose host others can be below" in none.said) == ("wrong", True)
    plain = hosts.hosts(chosen.model_copy(update={"subdomain_host": "http://hub.localhost:8000"}))
    assert (plain.state, "plain HTTP" in plain.said) == ("warning", True)


def test_a_certificate_has_to_be_good_for_people_s_hosts_too(
    chosen: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    port = free_port()
    chosen = chosen.model_copy(update={"subdomain_host": f"https://hub.localhost:{port}"})
    away = hosts.hosts(chosen)
    assert (away.state, "does not answer" in away.said) == ("warning", True)
    for names, state in ((("hub.localhost",), "wrong"), (("hub.localhost", "*.hub.localhost"), "ok")):
        made = certificate(tmp_path, *names)
        monkeypatch.setenv("SSL_CERT_FILE", str(made))
        with TLSFront(port, port, made):
            found = hosts.hosts(chosen)
        assert found.state == state, found
        if state == "wrong":
            assert "not good for alphapulse-doctor.hub.localhost" in found.said
            assert "*.hub.localhost" in found.mend
