"""One real hub, looked at by its doctor, followed through its logs, and backed up while it is written to."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from operator import itemgetter
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from hub_client import Person
from running_hub import PROJECT, RunningHub
from small_runs import kept
from waiting import until

from alphapulse_lib.model.canonical import to_json
from alphapulse_lib.results.ledger import Ledger

pytestmark = pytest.mark.timeout(900)

TARGET = "notebook:backtests/sma.ipynb"
KEY, SECRET = "a-vendors-key-that-is-kept", "a-vendors-secret-that-is-kept"
#: What goes on while the backup is taken: signs of life, and who was seen when.
MOVING = {"workers", "servers"}
SEEN = {"last_activity", "server_id", "state", "started", "expires_at"}


class Filled:
    """A hub with something of every kind in it, and what may be asked of it and of the one that its backup makes."""

    def __init__(self, hub: RunningHub, person: Person, run: dict[str, Any]) -> None:
        self.hub, self.person, self.run = hub, person, run

    def ask(self, http: httpx.Client) -> dict[str, Any]:
        answers = {}
        for path in (f"/comments?target={TARGET}&limit=5", "/schedules", "/runs", "/backtests", "/notifications"):
            answer = http.get(f"/services/api/v1{path}")
            assert answer.status_code == 200, answer.text
            answers[path] = answer.json()
        told = http.get(f"/services/api/v1/runs/{self.run['id']}/files/log.txt")
        assert told.status_code == 200
        return answers | {"file": told.text, "me": http.get("/hub/api/user").json()["name"]}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, sample_catalog: Path) -> Iterator[Filled]:
    folder = tmp_path_factory.mktemp("backup")
    home = folder / "home"
    home.mkdir()
    shutil.copytree(sample_catalog, home / "catalog")
    hub = RunningHub(home, ALPHAPULSE_USERS="carol", ALPHAPULSE_ALPACA_KEY=KEY, ALPHAPULSE_ALPACA_SECRET=SECRET).start()
    person = Person(hub.url, "carol")
    person.sign_in(dict(hub.credentials())["carol"])
    admin = Person(hub.url, "admin")
    admin.sign_in(dict(hub.credentials())["admin"])
    made = admin.http.post("/hub/api/groups/desk", headers=admin._headers(), json={"users": ["carol"]})
    assert made.status_code == 201, made.text
    person.start_server()
    person.own("PUT", "contents/shared/desk/plan.md", json={"type": "file", "format": "text", "content": "buy low"})
    assert (home / "groups" / "desk" / "plan.md").read_text() == "buy low"
    run = json.loads(to_json(kept(Ledger(folder / "own"), user="carol")))

    def send(method: str, path: str, **more: Any) -> dict[str, Any]:
        answer = person.http.request(method, f"/services/api/v1{path}", **more)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else {}

    send("POST", "/comments", json={"target": TARGET, "body": "why **ten**?"})
    send("POST", "/schedules", json={"notebook": "backtests/sma.ipynb", "cron": "0 7 * * 1-5", "catch_up": "none"})
    send("POST", "/runs", json=run)
    send("PUT", f"/runs/{run['id']}/files/log.txt", content=b"bought, sold")
    user = home / "users" / "carol"
    (user / "shared" / "notes.md").write_text("what we know\n")
    (user / "shared" / "latest").symlink_to("notes.md")
    (user / "shared" / "outside").symlink_to("/etc/hostname")
    (user / "shared" / "run.sh").write_text("#!/bin/sh\n")
    (user / "shared" / "run.sh").chmod(0o750)
    (user / "nothing").mkdir()
    yield Filled(hub, person, run)
    if hub.process.poll() is None:
        hub.interrupt()


def make(hub: RunningHub, target: str, file: Path) -> str:
    done = subprocess.run(
        ["make", target, f"FILE={file}"],
        cwd=PROJECT,
        env=hub.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files(place: Path) -> dict[str, tuple[str, str]]:
    """Each entry's mode and content, but for what a catalog's writers hold; databases are told row by row instead."""
    found = {}
    for path in sorted(place.rglob("*")):
        name = str(path.relative_to(place))
        if path.name in ("catalog.lock", "incoming"):
            continue
        if path.is_symlink():
            found[name] = ("link", str(path.readlink()))
        elif path.is_dir():
            found[name] = (stat.filemode(path.stat().st_mode), "")
        elif path.is_file() and not name.endswith((".sqlite", "-wal", "-shm", ".db", "-journal")):
            found[name] = (stat.filemode(path.stat().st_mode), hashlib.sha256(path.read_bytes()).hexdigest())
    return found


def rows(file: Path) -> dict[str, list[dict[str, Any]]]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        names = [
            row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        ]
        found = {}
        for name in set(names) - MOVING:
            held = connection.execute(f'SELECT * FROM "{name}"')
            told = ({key: row[key] for key in row.keys() if key not in SEEN} for row in held)  # noqa: SIM118
            found[name] = sorted(told, key=repr)
        return found


def test_the_doctor_finds_nothing_wrong_with_a_hub_that_is_up(filled: Filled):
    done = subprocess.run(
        [Path(sys.executable).with_name("alphapulse"), "doctor", "--json"],
        cwd=PROJECT,
        env=filled.hub.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    told = json.loads(done.stdout)
    assert (done.returncode, told["sound"]) == (0, True), told
    said = {each["name"]: each["said"] for each in told["findings"]}
    assert (said["parts"], said["vendors' keys"]) == ("all are up", "Alpaca's are set, in the environment")
    assert KEY not in done.stdout and SECRET not in done.stdout


def lines(hub: RunningHub, name: str) -> list[dict[str, Any]]:
    """A log's lines; what is no JSON is one of a program's that ends or begins."""
    found = []
    for line in (hub.home / "logs" / name).read_text().splitlines():
        told = json.loads(line)
        assert {"time", "level", "logger", "message"} <= told.keys()
        found.append(told)
    return found


def test_one_id_is_followed_from_the_browser_to_the_worker(filled: Filled):
    http, name = filled.person.http, "from-a-browser-0001"
    asked = {"notebook": "backtests/sma.ipynb"}
    answer = http.post("/services/api/v1/backtests", json=asked, headers={"X-Request-ID": name})
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (201, name)
    firing = answer.json()["id"]

    def of_it(log: str) -> list[str]:
        return [each["message"] for each in lines(filled.hub, log) if each.get("request") == name]

    until(lambda: any("begins" in each for each in of_it("worker.log")))
    http.post(f"/services/api/v1/backtests/{firing}/cancel").raise_for_status()
    until(lambda: http.get(f"/services/api/v1/backtests/{firing}").json()["ended_at"])
    until(lambda: len(of_it("worker.log")) >= 2)
    (posted,) = of_it("api.log")
    assert posted.startswith("POST /services/api/v1/backtests 201 in ")
    assert of_it("worker.log") == [
        f"Firing {firing} of carol begins: backtests/sma.ipynb",
        f"Firing {firing} ended: cancelled",
    ]


def test_no_key_token_or_cookie_is_in_any_log(filled: Filled):
    hub, person = filled.hub, Person(filled.hub.url, "carol")
    person.sign_in(dict(hub.credentials())["carol"])
    token = filled.person.http.headers["Authorization"].removeprefix("token ")
    filled.person.http.get(f"/services/api/v1/comments?token={token}")  # where it does not belong
    filled.person.http.get("/services/api/v1/schedules", headers={"Authorization": f"Bearer {token}x"})
    httpx.get(f"{hub.url}/hub/api/user?token={token}", headers={"Cookie": f"a={token}"}, timeout=60)
    secrets = {KEY, SECRET, token, *json.loads((hub.home / "keys.json").read_text()).values()}
    secrets |= {each.value for each in person.http.cookies.jar if each.value and len(each.value) > 8}
    assert len(secrets) > 10
    for log in sorted((hub.home / "logs").iterdir()):
        said = log.read_text(errors="replace")
        assert [each for each in secrets if each in said] == [], log.name
    assert [each["message"] for each in lines(hub, "hub.log")]
    lines(hub, "dashboards.log")


def test_a_hub_that_is_written_to_comes_back_row_by_row_and_file_by_file(filled: Filled, tmp_path: Path):
    hub, person, stopping, posted = filled.hub, filled.person, threading.Event(), []
    workspace = sqlite3.connect(hub.home / "users" / "carol" / "mine.db")
    workspace.execute("PRAGMA journal_mode = WAL")
    workspace.execute("CREATE TABLE mine (number INTEGER)")
    workspace.execute("INSERT INTO mine VALUES (1)")
    workspace.commit()
    workspace.execute("INSERT INTO mine VALUES (2)")  # begun, and not over when the backup is taken

    def comment() -> None:
        while not stopping.is_set():
            body = f"comment {len(posted)}"
            answer = person.http.post("/services/api/v1/comments", json={"target": TARGET, "body": body})
            assert answer.status_code == 201
            posted.append(body)

    subprocess.run(
        [sys.executable, "-m", "hub", "keys", "set", "alpaca"],
        cwd=PROJECT, env=hub.environment, input=f"{KEY}\n{SECRET}\n", text=True, check=True,
    )  # fmt: skip
    writing = threading.Thread(target=comment)
    writing.start()
    try:
        until(lambda: len(posted) >= 3)
        before = len(posted)
        said = make(hub, "backup", tmp_path / "first.tar")
        after = len(posted)
    finally:
        stopping.set()
        writing.join(60)
    workspace.close()
    assert stat.S_IMODE((tmp_path / "first.tar").stat().st_mode) == 0o600
    assert "It holds passwords and tokens." in said and KEY not in said
    assert f"{hub.home / 'master.key'}, is not: keep that elsewhere" in said
    taken = (tmp_path / "first.tar").read_bytes()
    master = (hub.home / "master.key").read_bytes().strip()
    assert not [each for each in (KEY.encode(), SECRET.encode(), master) if each in taken]
    assert not (hub.home / "catalog" / ".backup").exists()

    empty = RunningHub(tmp_path / "other" / "home", ALPHAPULSE_USERS="carol")
    make(empty, "restore", tmp_path / "first.tar")
    first = rows(empty.home / "api" / "api.sqlite")
    commented = [row["body"] for row in sorted(first["comments"], key=itemgetter("sequence"))[1:]]
    assert commented == posted[: len(commented)], "a comment was kept and one before it was not"
    assert before <= len(commented) <= after + 1
    assert {row["comment"] for row in first["comment_events"]} == {row["id"] for row in first["comments"]}
    assert rows(empty.home / "users" / "carol" / "mine.db") == {"mine": [{"number": 1}]}

    # Now that nobody writes to it, a second one must be the same in everything. What a command wrote beside the keys is
    # taken into the log by whoever looks next.
    until(lambda: "keys.set" in {row["action"] for row in rows(hub.home / "api" / "api.sqlite")["audit"]}, 120)
    shutil.rmtree(empty.home)
    make(hub, "backup", tmp_path / "second.tar")
    make(empty, "restore", tmp_path / "second.tar")
    for name in ("api/api.sqlite", "worker/dbos.sqlite", "hub/jupyterhub.sqlite"):
        held, restored = rows(hub.home / name), rows(empty.home / name)
        assert restored.keys() == held.keys()
        for table, expected in held.items():
            assert restored[table] == expected, f"{name}: {table}"
    assert {"users", "api_tokens", "roles"} <= rows(empty.home / "hub" / "jupyterhub.sqlite").keys()
    for name in ("users", "groups", "catalog", "api", "ledger"):
        assert files(empty.home / name) == files(hub.home / name), name
    assert files(empty.home / "users")["carol/shared/outside"] == ("link", "/etc/hostname")
    assert files(empty.home / "users")["carol/shared/run.sh"][0] == "-rwxr-x---"
    assert (empty.home / "keys.json").read_bytes() == (hub.home / "keys.json").read_bytes()
    for name in ("keys.json", "settings.env"):
        assert stat.S_IMODE((empty.home / name).stat().st_mode) == 0o600
    assert (empty.home / "settings.env").read_text() == "ALPHAPULSE_USERS='carol'\n"
    sealed = (empty.home / "worker" / "vendors.sealed").read_bytes()
    assert json.loads(Fernet(master).decrypt(sealed)) == {
        "ALPHAPULSE_ALPACA_KEY": KEY,
        "ALPHAPULSE_ALPACA_SECRET": SECRET,
    }
    assert not (empty.home / "master.key").exists()

    answers = filled.ask(person.http)
    assert answers["/schedules"]["items"][0]["catch_up"] == "none" and answers["file"] == "bought, sold"
    hub.interrupt()
    empty.start()
    try:
        assert empty.credentials() == hub.credentials()
        with httpx.Client(base_url=empty.url, headers=person.http.headers, timeout=60, trust_env=False) as same_token:
            assert filled.ask(same_token) == answers
            model = same_token.get("/hub/api/users/carol").json()
            assert [each["ready"] for each in model["servers"].values()] in ([], [False]), "its processes are not here"
        again = Person(empty.url, "carol")
        again.sign_in(dict(empty.credentials())["carol"])
        again.start_server()
        assert again.own("GET", "contents/shared/notes.md")["content"] == "what we know\n"
        assert again.own("GET", "contents/shared/desk/plan.md")["content"] == "buy low"
    finally:
        empty.interrupt()
