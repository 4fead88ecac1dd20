"""`alphapulse comments`, `schedule`, `runs --merge` and `token`, against the API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_server import RunningApi
from command_line import alphapulse, answer
from small_runs import kept

from alphapulse_lib.hub_client import Client
from alphapulse_lib.hub_client.sign_in import API_SCOPES, READING_SCOPES
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.settings import Settings
from hub import roles


@pytest.fixture(scope="module")
def api(sample_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApi]:
    running = RunningApi(Settings(home=tmp_path_factory.mktemp("hub"), catalog=sample_catalog)).start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def ada(api: RunningApi, sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command is run as Ada."""
    monkeypatch.setenv("ALPHAPULSE_API_URL", api.url)
    monkeypatch.setenv("ALPHAPULSE_API_TOKEN", "ada")


def test_comments_are_written_answered_and_read():
    assert "Nobody has said anything about instrument:AAPL.XNAS" in alphapulse("comments", "instrument:AAPL").stdout
    first = answer("comments", "instrument:AAPL", "--write", "two\nlines, @bob")
    assert (first["author"], first["mentions"]) == ("ada", ["bob"])
    second = answer("comments", "instrument:AAPL", "--write", "more", "--reply", first["id"][:7])
    assert second["parent"] == first["id"]
    assert answer("comments", "instrument:AAPL", "--limit", "1") == [second]
    edited = answer("comments", "instrument:AAPL", "--edit", second["id"][:7], "--write", "less")
    assert (edited["id"], edited["body"], edited["edited_by"]) == (second["id"], "less", None)
    assert answer("comments", "instrument:AAPL", "--delete", second["id"])["body"] == ""
    assert "(deleted)" in alphapulse("comments", "instrument:AAPL").stdout
    told = alphapulse("comments", "instrument:AAPL").stdout
    assert f"{first['id']}  ada, " in told and "\n  two\n  lines, @bob\n" in told


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("comments", "AAPL"), 2, "instrument:"),
        (("comments", "instrument:APPL"), 1, "Did you mean AAPL"),
        (("comments", "instrument:AAPL", "--reply", "abc"), 2, "--write"),
        (("comments", "instrument:AAPL", "--edit", "abc"), 2, "--write"),
        (("comments", "instrument:AAPL", "--edit", "abc", "--delete", "abc"), 2, "--edit and --delete"),
        (("comments", "instrument:AAPL", "--delete", "abc", "--write", "x"), 2, "takes no words"),
        (("comments", "instrument:AAPL", "--delete", "zzz"), 2, "No comment on instrument:AAPL.XNAS begins with 'zzz'"),
        (("schedule", "change", "zz", "--cron", "0 7 * * *"), 2, "No schedule's id begins with 'zz'"),
        (("schedule", "change", "zz"), 2, "Nothing was named"),
        (("runs", "--mine"), 2, "--merge"),
        (("comments", "instrument:AAPL", "--write", " "), 1, "is empty"),
        (("comments", "run:ffff"), 1, "no run 'ffff'"),
        (("schedule", "add", "backtests/sma.ipynb", "0 7 31 2 *"), 1, "never fires"),
        (("schedule", "add", "backtests/sma.ipynb", "0 7 * * *", "-p", "fast"), 2, "NAME=VALUE"),
        (("schedule", "show", "zz"), 2, "No schedule's id begins with 'zz'"),
        (("token",), 2, "--user"),
    ],
)
def test_bad_input_is_one_message_and_an_honest_exit_code(words: tuple[str, ...], code: int, says: str):
    done = alphapulse(*words)
    assert (done.returncode, says in done.stderr) == (code, True), done.stderr


def test_a_schedule_from_in_to_out_again():
    words = ("schedule", "add", "backtests/sma.ipynb", "0 7 * * 1-5", "--timezone", "America/New_York", "-p", "fast=5")
    made = answer(*words)
    assert (made["owner"], made["parameters"], made["paused"]) == ("ada", {"fast": 5}, False)
    assert made["next"][0].endswith("+00:00")
    short = made["id"][:9]
    assert [each["id"] for each in answer("schedule", "list")] == [made["id"]]
    head, row = alphapulse("schedule", "list").stdout.splitlines()
    assert head.split()[:4] == ["id", "owner", "what", "cron"]
    assert row.split()[:3] == [made["id"][:8], "ada", "backtests/sma.ipynb"]
    assert f"{made['next'][0][:10]} {made['next'][0][11:16]}" in row and "next (UTC)" in head
    assert answer("schedule", "list", "--owner", "bob") == []
    assert answer("schedule", "pause", short)["paused"] is True
    assert "[paused]" in alphapulse("schedule", "show", short).stdout
    assert answer("schedule", "resume", short)["paused"] is False
    changed = answer("schedule", "change", short, "--cron", "30 8 * * *", "-p", "slow=9", "--overlap", "queue")
    assert (changed["cron"], changed["parameters"], changed["overlap"]) == ("30 8 * * *", {"slow": 9}, "queue")
    assert (changed["timezone"], changed["notebook"]) == ("America/New_York", "backtests/sma.ipynb")
    never = alphapulse("schedule", "change", short, "--cron", "0 7 31 2 *")
    assert (never.returncode, "never fires" in never.stderr) == (1, True)
    firing = answer("schedule", "fire", short)
    assert (firing["state"], firing["schedule"]) == ("due", made["id"])
    assert firing["id"] in alphapulse("schedule", "firings", short).stdout
    assert [each["id"] for each in answer("schedule", "firings", short)] == [firing["id"]]
    assert answer("schedule", "cancel", short, firing["id"][:9])["state"] == "cancelled"
    over = alphapulse("schedule", "cancel", short, firing["id"])
    assert (over.returncode, "Conflict" in over.stderr) == (1, True), over.stderr
    unknown = alphapulse("schedule", "cancel", short, "zz")
    assert (unknown.returncode, "No firing's id begins with 'zz'" in unknown.stderr) == (2, True)
    assert answer("schedule", "delete", short) == {"id": made["id"], "deleted": True}
    assert answer("schedule", "list") == []


def test_what_one_was_told_is_listed_and_marked_as_read(api: RunningApi):
    assert answer("notifications", "--unread") == []
    with Client(api.url, "bob") as bob:
        for number in range(3):
            bob.comments.write("instrument:IBM.XNYS", f"look, @ada, {number}")
    told = answer("notifications", "--unread", "--limit", "2")
    assert [(each["kind"], each["read_at"]) for each in told] == [("mention", None)] * 2
    assert alphapulse("notifications").stdout.count("bob mentioned you") == 3
    assert len(answer("notifications", "--read")) == 3
    assert alphapulse("notifications", "--unread").stdout == "Nothing new.\n"
    assert all(each["read_at"] for each in answer("notifications"))


def test_a_run_is_shared_and_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALPHAPULSE_LEDGER", str(tmp_path / "ledger"))
    record = kept(Ledger(tmp_path / "ledger"))
    made = answer("share", f"run:{record.id}", "*")
    assert (made["subject"], made["audience"], made["owner"]) == (record.id, "*", "ada")
    said = alphapulse("share", f"run:{record.id[:12]}", "bob").stdout
    assert f"The run {record.id} is shared with bob." in said
    mine = [each for each in answer("shares") if each["subject"] == record.id]
    assert [each["audience"] for each in mine] == ["bob", "*"]
    head, *rows = alphapulse("shares").stdout.splitlines()
    assert "made (UTC)" in head and max(map(len, (head, *rows))) <= 120
    assert any(row.startswith(mine[0]["id"][:8]) and mine[0]["made"][11:16] in row for row in rows)
    assert "taken back" in alphapulse("shares", "--take-back", mine[0]["id"][:9]).stdout
    assert answer("shares", "--take-back", made["id"]) == {"id": made["id"], "taken_back": True}
    assert record.id not in {each["subject"] for each in answer("shares")}
    other = kept(Ledger(tmp_path / "ledger"), parameters={"fast": 3, "slow": 9})
    shown = answer("share", f"dashboard:{record.id},{other.id}", "bob")
    assert (shown["kind"], shown["runs"]) == ("dashboard", [record.id, other.id])
    assert answer("shares", "--take-back", shown["id"])["taken_back"]
    nobody = alphapulse("share", f"run:{record.id}", "bbo")
    assert (nobody.returncode, "nobody called 'bbo'" in nobody.stderr) == (1, True)


def test_runs_that_wait_are_handed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALPHAPULSE_LEDGER", str(tmp_path / "ledger"))
    record = kept(Ledger(tmp_path / "ledger"))
    assert answer("runs", "--merge")["runs"] == [record.id]
    assert "0 handed in, 0 wait, 0 refused." in alphapulse("runs", "--merge").stdout
    assert record.id in [row["id"] for row in answer("runs")]
    stranger = kept(Ledger(tmp_path / "ledger"), user="jane")
    left = alphapulse("runs", "--merge")
    assert (left.returncode, "'jane' ran it" in left.stderr, "--merge --mine" in left.stderr) == (1, True, True)
    assert stranger.id in [row["id"] for row in answer("runs")]
    assert answer("runs", "--merge", "--mine")["runs"] == [stranger.id]
    assert answer("runs", "--merge", "--mine")["runs"] == []
    assert {row["id"]: row["user"] for row in answer("runs")}[stranger.id] == "ada"


def test_without_a_hub_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ALPHAPULSE_API_URL")
    for words in (("comments", "instrument:AAPL"), ("schedule", "list"), ("runs", "--merge"), ("token", "--user", "a")):
        done = alphapulse(*words)
        assert (done.returncode, "make up" in done.stderr) == (1, True), words


def test_from_afar_the_status_is_the_api_s(api: RunningApi, monkeypatch: pytest.MonkeyPatch):
    assert alphapulse("status").stdout.startswith("api         up")
    assert answer("status")["parts"] == [{"name": "api", "up": True, "detail": ""}]
    monkeypatch.setenv("ALPHAPULSE_API_URL", "http://127.0.0.1:1/services/api")
    down = alphapulse("status", "--json")
    assert (down.returncode, json.loads(down.stdout)["up"]) == (1, False)


def test_a_token_s_scopes_are_the_api_s_own_and_all_of_them():
    given = {*API_SCOPES}
    # Not all have more, and the hub makes no token with more than its owner has: publishing is a workspace's.
    # Nothing asks for live trading yet, and what a server uses that server alone tells.
    researcher = roles.expanded("researcher") - {"custom:live:read", "custom:usage:tell"}
    reading = {each for scope in researcher for each in roles.SCOPES[scope].get("subscopes", ())}
    assert given == {"access:services!service=api", *(researcher - reading)}
    assert {*READING_SCOPES} == {"access:services!service=api", *(roles.expanded("viewer") - {"custom:live:read"})}
