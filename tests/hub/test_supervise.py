"""`make up`, `down` and `reset`, as a person runs them: a real hub, its proxy, a server and a kernel."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from filelock import FileLock
from hub_client import Person
from processes import command, lives, variables
from running_hub import PROJECT, RunningHub, environment
from waiting import until

from alphapulse_lib.errors import HubError
from hub import family, supervise

pytestmark = pytest.mark.timeout(600)

PYTHON = sys.executable


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A team's catalog that was there before the hub; it spares these tests the sample."""
    folder = tmp_path_factory.mktemp("team") / "catalog"
    folder.mkdir()
    (folder / "catalog.json").write_text('{"format": 1}')
    return folder


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, catalog: Path) -> Iterator[RunningHub]:
    home = tmp_path_factory.mktemp("hub") / "home"
    running = RunningHub(home, ALPHAPULSE_CATALOG=str(catalog), ALPHAPULSE_USERS="carol").start()
    yield running
    if running.process.poll() is None:
        running.interrupt()


@pytest.fixture(scope="module")
def admin(hub: RunningHub) -> Person:
    """The administrator, signed in, with a server and a kernel."""
    person = Person(hub.url, "admin")
    person.sign_in(dict(hub.credentials())["admin"])
    person.start_server()
    person.own("POST", "kernels")
    return person


def pids(hub: RunningHub, *words: str) -> set[int]:
    """The hub's processes whose command line holds all the words."""
    return {one.pid for one in family.members(hub.home) if all(word in command(one) for word in words)}


def supervised(hub: RunningHub) -> set[int]:
    """The supervisor, the proxy and the hub. Workspaces of whoever signed in come and go meanwhile."""
    programs = ("supervisor.supervisord", "configurable-http-proxy", "-m jupyterhub --config")
    return set().union(*(pids(hub, program) for program in programs))


def test_it_prints_where_it_is_and_who_may_sign_in(hub: RunningHub):
    assert hub.url in hub.said
    assert [name for name, _ in hub.credentials()] == ["admin", "carol"]
    assert "nothing isolates" in hub.said


def test_the_secrets_are_the_owner_s_alone(hub: RunningHub):
    assert stat.S_IMODE((hub.home / "keys.json").stat().st_mode) == 0o600
    for private in ("hub", "logs", "run", "users"):
        assert stat.S_IMODE((hub.home / private).stat().st_mode) == 0o700
    held = json.loads((hub.home / "keys.json").read_text())
    for told in [*(hub.home / "logs").glob("*"), hub.home / "run" / "supervisor.conf"]:
        assert not [name for name, secret in held.items() if secret in told.read_text(errors="replace")], told


def test_a_catalog_that_exists_is_left_as_it_is(hub: RunningHub, catalog: Path):
    assert [path.name for path in catalog.rglob("*")] == ["catalog.json"]


@pytest.mark.parametrize(
    ("name", "password", "may"),
    [
        ("admin", "admin", True),
        ("carol", "carol", True),
        ("admin", "carol", False),
        ("mallory", "carol", False),
        ("mallory", "admin", False),
        ("carol", None, False),
    ],
)
def test_the_right_name_with_the_right_password_signs_in_and_no_other(
    hub: RunningHub, name: str, password: str | None, may: bool
):
    known = dict(hub.credentials())
    answer = Person(hub.url, name).sign_in(known[password] if password else "wrong-password")
    assert ("/hub/login" not in str(answer.url)) is may
    assert may or answer.status_code == 403


def test_the_sign_in_page_says_that_nothing_isolates(hub: RunningHub):
    page = Person(hub.url, "anybody").http.get("/hub/login").text
    assert "nothing isolates" in page
    assert "<title>AlphaPulse</title>" in page


def test_up_again_says_where_it_is_and_changes_nothing(hub: RunningHub):
    before = supervised(hub)
    assert len(before) == 3
    again = hub.make("up")
    assert again.returncode == 0, again.stderr
    assert "already up" in again.stdout
    assert hub.url in again.stdout
    assert supervised(hub) == before


def test_a_port_that_is_taken_is_named_with_its_setting(hub: RunningHub, tmp_path: Path):
    other = hub.environment | {"ALPHAPULSE_HOME": str(tmp_path / "other")}
    refused = subprocess.run(["make", "up"], cwd=PROJECT, env=other, capture_output=True, text=True, timeout=60)
    assert refused.returncode != 0
    (line,) = [line for line in refused.stderr.splitlines() if not line.startswith("make")]
    assert f"Port {hub.port}" in line
    assert "ALPHAPULSE_PORT" in line


def test_reset_is_refused_while_it_is_up(hub: RunningHub):
    refused = hub.make("reset", answer="yes\n")
    assert refused.returncode != 0
    assert "make down" in refused.stderr
    assert (hub.home / "keys.json").exists()


def test_a_workspace_has_the_tutorials_and_the_kernel_is_alphapulse(hub: RunningHub, admin: Person):
    assert "tutorials" in [entry["name"] for entry in admin.own("GET", "contents")["content"]]
    specs = admin.own("GET", "kernelspecs")
    assert specs["default"] == "alphapulse"
    assert [kernel["name"] for kernel in admin.own("GET", "kernels")] == ["alphapulse"]
    assert (hub.home / "users" / "admin" / "tutorials").is_dir()


def test_a_killed_hub_comes_back_and_finds_the_server_and_its_kernel(hub: RunningHub, admin: Person):
    """A server that just starts too: nobody has to start it again, none is forgotten, and nobody waits for it."""
    carol, folder = "/hub/api/users/carol", hub.home / "users" / "carol"
    admin.http.post(carol)  # there already, when she has signed in
    config = folder / ".jupyter" / "jupyter_server_config.py"
    config.parent.mkdir(parents=True)
    config.write_text("import pathlib, time\nwhile not pathlib.Path('go').exists():\n    time.sleep(0.1)\n")
    server, kernel = pids(hub, "jupyterhub.singleuser"), admin.own("GET", "kernels")[0]["id"]
    with contextlib.suppress(httpx.ReadTimeout):  # the hub answers when it is ready, or after ten seconds
        admin.http.post(f"{carol}/server", timeout=5)
    (killed,) = pids(hub, "-m jupyterhub --config")
    until(lambda: len(pids(hub, "jupyterhub.singleuser")) == len(server) + 1)
    assert not admin.http.get(carol).json()["servers"][""]["ready"]
    both = pids(hub, "jupyterhub.singleuser")
    os.kill(killed, signal.SIGKILL)
    until(lambda: (found := pids(hub, "-m jupyterhub --config")) != set() and found != {killed})
    until(lambda: admin.http.get("/hub/api/users/admin").status_code == 200)
    assert not admin.http.get(carol).json()["servers"][""]["ready"]
    assert "init_spawners did not complete within 1 seconds" in (hub.home / "logs" / "hub.log").read_text()
    (folder / "go").touch()
    config.unlink()
    for name in ("admin", "carol"):
        until(lambda name=name: admin.http.get(f"/hub/api/users/{name}").json()["servers"][""]["ready"])
    assert pids(hub, "jupyterhub.singleuser") == both
    assert [one["id"] for one in admin.own("GET", "kernels")] == [kernel]
    admin.http.delete(f"{carol}/server").raise_for_status()
    until(lambda: not admin.http.get(carol).json()["servers"])


def test_a_server_that_ends_as_it_starts_is_told_at_once(hub: RunningHub, admin: Person):
    config = hub.home / "users" / "carol" / ".jupyter" / "jupyter_server_config.py"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text("import os\nos._exit(7)\n")
    admin.http.post("/hub/api/users/carol")  # there already, when she has signed in
    began = admin.http.post("/hub/api/users/carol/server")
    with admin.http.stream("GET", "/hub/api/users/carol/server/progress") as told:
        said = [json.loads(line.removeprefix("data: ")) for line in told.iter_lines() if line.startswith("data: ")]
    config.unlink()
    assert "ended as it started, with status 7" in f"{began.text}{said[-1]['message']}"
    assert said[-1]["failed"]
    assert admin.http.get("/hub/api/users/carol").json()["servers"] == {}


def test_a_killed_proxy_comes_back_with_its_routes(hub: RunningHub, admin: Person):
    (killed,) = pids(hub, "configurable-http-proxy")
    os.kill(killed, signal.SIGKILL)

    def routed() -> bool:
        try:
            return admin.http.get("/user/admin/api/kernels").status_code == 200
        except httpx.TransportError:  # nobody listens for a moment
            return False

    until(lambda: pids(hub, "configurable-http-proxy") not in (set(), {killed}))
    until(routed)


def test_a_person_is_removed_with_all_that_runs_for_them(hub: RunningHub, admin: Person):
    """JupyterHub alone answers 500 while one of the named servers, such as a scheduled notebook's, runs."""
    carol = "/hub/api/users/carol"
    admin.http.post(carol)  # there already, when she has signed in
    # Named as no firing is: the worker stops the server of a firing that is over, or that there is none of.
    for server in ("", "job-of-a-notebook"):
        admin.http.post(f"{carol}/servers/{server}").raise_for_status()

    def both_ready() -> bool:
        servers = admin.http.get(carol).json()["servers"]
        return len(servers) == 2 and all(each["ready"] for each in servers.values())

    until(both_ready, within=240)
    admin.http.post(f"{carol}/servers/job-about-to-start").raise_for_status()
    running = [one for one in family.members(hub.home) if variables(one).get("JUPYTERHUB_USER") == "carol"]
    assert len(running) >= 2
    removed = admin.http.delete(carol)
    assert removed.status_code == 204, removed.text
    assert admin.http.get(carol).status_code == 404
    until(lambda: not [one for one in running if lives(one)])
    assert (hub.home / "users" / "carol").is_dir(), "what she wrote stays"


def test_ctrl_c_ends_every_process_and_frees_the_port(hub: RunningHub, admin: Person):
    below = psutil.Process(hub.process.pid).children(recursive=True) + family.members(hub.home)
    commands = " ".join(command(one) for one in below)
    for part in ("supervisord", "configurable-http-proxy", "jupyterhub.singleuser", "alphapulse/launch.py"):
        assert part in commands
    hub.interrupt()
    assert not [one for one in below if lives(one)]
    assert family.members(hub.home) == []
    assert "AlphaPulse is down." in hub.said


def test_after_that_it_starts_again_with_the_same_passwords_and_down_stops_it(hub: RunningHub, admin: Person):
    before = hub.credentials()
    hub.start()
    assert hub.credentials() == before
    stopped = hub.make("down")
    assert stopped.returncode == 0, stopped.stderr
    assert "is down" in stopped.stdout
    hub.process.wait(timeout=60)
    assert family.members(hub.home) == []
    assert "was not up" in hub.make("down").stdout


def test_a_killed_up_takes_everything_with_it(hub: RunningHub):
    hub.start()
    os.kill(int((hub.home / "run" / "up.pid").read_text()), signal.SIGKILL)
    until(lambda: family.members(hub.home) == [])
    hub.process.wait(timeout=60)
    assert "was not up" in hub.make("down").stdout


def test_what_a_killed_supervisor_leaves_is_told_and_ended_by_the_next_up(hub: RunningHub):
    hub.start()
    leaves = [int((hub.home / "run" / f"{name}.pid").read_text()) for name in ("up", "supervisor")]
    for each in leaves:
        os.kill(each, signal.SIGKILL)
    hub.process.wait(timeout=60)
    while True:  # some of them end by themselves now: counted before and after, until none did meanwhile
        left = {one.pid for one in family.members(hub.home)}
        assert left
        told = subprocess.run([PYTHON, "-m", "hub", "status"], cwd=PROJECT, env=hub.environment, capture_output=True)
        if left == {one.pid for one in family.members(hub.home)}:
            break
    assert (told.returncode, f"{len(left)} processes of one that was killed".encode() in told.stdout) == (1, True)
    hub.start()
    assert not left & {one.pid for one in family.members(hub.home)}
    assert hub.make("down").returncode == 0
    assert family.members(hub.home) == []


def test_down_ends_an_up_that_was_stopped(hub: RunningHub):
    hub.start()
    os.kill(int((hub.home / "run" / "up.pid").read_text()), signal.SIGSTOP)
    assert hub.make("down").returncode == 0
    assert family.members(hub.home) == []
    hub.process.wait(timeout=60)


def test_a_number_that_is_another_process_s_by_now_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("ALPHAPULSE_HOME", str(tmp_path))
    monkeypatch.setattr(supervise, "_DOWN_WITHIN", 1.0)
    other = subprocess.Popen(["sleep", "60"])
    try:
        (tmp_path / "run" / "up.pid").write_text(str(other.pid))
        with FileLock(tmp_path / "run" / "up.lock"), pytest.raises(HubError, match="not by a `make up`"):
            supervise.down(lambda _line: None)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_who_looks_whether_it_is_up_is_in_nobody_s_way(tmp_path: Path):
    (tmp_path / "run").mkdir()
    lock = tmp_path / "run" / "up.lock"
    assert not supervise.is_up(tmp_path)
    with FileLock(lock):
        assert supervise.is_up(tmp_path)
    with lock.open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        assert not supervise.is_up(tmp_path)


def test_a_second_up_before_the_first_has_an_address_says_so(tmp_path: Path):
    home = tmp_path / "home"
    (home / "run").mkdir(parents=True)
    with FileLock(home / "run" / "up.lock"):
        done = subprocess.run(
            ["make", "up"], cwd=PROJECT, env=environment(home, 1), capture_output=True, text=True, timeout=60
        )
    assert (done.returncode, "just being started" in done.stdout) == (0, True), done.stderr
    assert not (home / "keys.json").exists()


def test_a_disk_that_takes_nothing_more_is_one_line(tmp_path: Path):
    refused = subprocess.run(
        [PYTHON, "-m", "hub", "up"],
        cwd=PROJECT,
        env=environment(tmp_path / "home", 1),
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
    )
    (line,) = refused.stderr.splitlines()
    assert (refused.returncode, "cannot be written: file too large" in line) == (1, True), line


def test_reset_asks_and_removes_only_after_a_yes(hub: RunningHub, catalog: Path):
    (hub.home / "notes.txt").write_text("somebody else's")
    for answer in ("no\n", "\n", None):
        kept = hub.make("reset", answer)
        assert kept.returncode != 0
        assert (hub.home / "users" / "admin").is_dir()
    done = hub.make("reset", "yes\n")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in hub.home.iterdir()] == ["notes.txt"]
    assert catalog.exists()
    assert "Nothing to remove" in hub.make("reset", "yes\n").stdout
