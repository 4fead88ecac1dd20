"""Who sees whose runs: teams, what is shared with a person, a group or everybody, and what was taken back."""

from __future__ import annotations

import json
import secrets
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from alphapulse_lib.model.canonical import to_json
from alphapulse_lib.model.run import StrategySource
from alphapulse_lib.results.ledger import Ledger
from alphapulse_lib.settings import Settings
from hub.api.identity import Caller
from hub.api.shares.sight import sight_of
from hub.roles import SEE_ALL, TELL
from tests.resources.api_server import EVERYTHING, Api
from tests.resources.small_runs import kept

STRANGERS = ("cleo", "dora", "rita")


@pytest.fixture
def team(api: Api) -> Api:
    """Ada and Bob are of one desk; Cleo and Dora of another; Rita is a reviewer, and of none."""
    api.door.scopes |= dict.fromkeys(STRANGERS, EVERYTHING)
    api.door.scopes["rita"] += (SEE_ALL,)
    api.door.members = {"desk": frozenset({"ada", "bob"}), "quants": frozenset({"cleo", "dora"})}
    return api


@pytest.fixture
def run(team: Api, tmp_path: Path) -> str:
    """One of Ada's, with a file and a comment."""
    return handed_in(team, tmp_path)


def handed_in(api: Api, folder: Path, who: str = "ada", **changes: Any) -> str:
    ledger = Ledger(folder / who)
    record = kept(ledger, user=who, **changes)
    assert api("POST", "/v1/runs", who, json=json.loads(to_json(record))).status_code == 201
    content = (ledger.folder(record.id) / "equity.parquet").read_bytes()
    assert api("PUT", f"/v1/runs/{record.id}/files/equity.parquet", who, content=content).status_code == 201
    said = {"target": f"run:{record.id}", "body": "mine"}
    assert api("POST", "/v1/comments", who, json=said).status_code == 201
    return record.id


def share(api: Api, run: str, audience: str, who: str = "ada") -> httpx.Response:
    return api("POST", "/v1/shares", who, json={"subject": run, "audience": audience})


def seen_by(api: Api, run: str, who: str) -> bool:
    """Whether somebody sees a run; every route that tells of it has to say the same."""
    target = f"run:{run}"
    comments = api("GET", "/v1/comments", "root", params={"target": target}).json()["items"]
    one = comments[0]["id"]
    said = {
        "the run": api("GET", f"/v1/runs/{run}", who).status_code,
        "by its beginning": api("GET", f"/v1/runs/{run[:12]}", who).status_code,
        "its file": api("GET", f"/v1/runs/{run}/files/equity.parquet", who).status_code,
        "a comment": api("GET", f"/v1/comments/{one}", who).status_code,
        "its thread": api("GET", f"/v1/comments/{one}/thread", who).status_code,
        "its history": api("GET", f"/v1/comments/{one}/history", who).status_code,
    }
    listed = {
        "the list": [each["id"] for each in api("GET", "/v1/runs", who, params={"limit": 200}).json()["items"]],
        "by whose": [each["id"] for each in api("GET", "/v1/runs", who, params={"user": "ada"}).json()["items"]],
        "all comments": [
            each["target"][4:]
            for each in api("GET", "/v1/comments", who, params={"order": "newest", "limit": 200}).json()["items"]
        ],
        "its comments": [
            each["target"][4:] for each in api("GET", "/v1/comments", who, params={"target": target}).json()["items"]
        ],
    }
    found = {name: status == 200 for name, status in said.items()} | {name: run in ids for name, ids in listed.items()}
    assert set(said.values()) <= {200, 404}, said
    assert len(set(found.values())) == 1, (who, found)
    return found["the run"]


def test_a_run_is_seen_by_its_owner_the_team_reviewers_and_administrators_alone(team: Api, run: str):
    assert {who: seen_by(team, run, who) for who in ("ada", "bob", "cleo", "rita", "root")} == {
        "ada": True,
        "bob": True,
        "cleo": False,
        "rita": True,
        "root": True,
    }


def test_a_stranger_is_told_what_is_told_of_a_run_that_there_is_not(team: Api, run: str):
    nothing = "0" * len(run)
    for method, path, more in (
        ("GET", "/v1/runs/{}", {}),
        ("GET", "/v1/runs/{}/files/equity.parquet", {}),
        ("PUT", "/v1/runs/{}/files/equity.parquet", {"content": b"x"}),
        ("POST", "/v1/comments", {"json": {"target": "run:RUN", "body": "x"}}),
        ("POST", "/v1/shares", {"json": {"subject": "RUN", "audience": "*"}}),
    ):
        told = []
        for each in (run, nothing):
            given = json.loads(json.dumps(more.get("json", {})).replace("RUN", each))
            answer = team(method, path.format(each), "cleo", **more | ({"json": given} if given else {}))
            told.append((answer.status_code, answer.text.replace(each, "RUN")))
        assert told[0] == told[1], path
        assert told[0][0] == 404


def test_of_two_that_begin_alike_a_stranger_knows_only_what_is_theirs(team: Api, tmp_path: Path):
    own, theirs = (
        json.loads(to_json(kept(Ledger(tmp_path / "a"), user="cleo"))),
        json.loads(to_json(kept(Ledger(tmp_path / "b"), user="ada"))),
    )
    own["id"], theirs["id"] = "abcdef0123456780", "abcdef0123456781"
    for each in (own, theirs):
        assert team("POST", "/v1/runs", each["user"], json=each).status_code in (200, 201)
    assert team("GET", "/v1/runs/abcdef", "cleo").json()["record"]["id"] == own["id"]
    several = team("GET", "/v1/runs/abcdef", "root")
    assert several.status_code == 409 and theirs["id"] in several.json()["hint"]


def test_trials_are_counted_over_everybody_whoever_sees_them(team: Api, tmp_path: Path):
    records = [
        json.loads(to_json(kept(Ledger(tmp_path / who), user=who, name="m:CountedByAll", parameters={"fast": number})))
        for number, who in enumerate(("ada", "cleo", "rita"))
    ]
    for each in records:
        assert team("POST", "/v1/runs", each["user"], json=each).status_code == 201
    for each in records:
        family = team("GET", f"/v1/runs/{each['id']}", each["user"]).json()["family"]
        assert {trial["spec_id"] for trial in family["trials"]} == {other["spec_id"] for other in records}
    asked = {"strategies": [{"name": "m:CountedByAll", "text": records[0]["spec"]["strategy"]["text"]}]}
    assert len(team("POST", "/v1/families", "dora", json=asked).json()[0]["trials"]) == 3
    listed = team("GET", "/v1/runs", "cleo", params={"strategy": "CountedByAll"}).json()
    assert [each["id"] for each in listed["items"]] == [records[1]["id"]]
    assert [each["trials"] for each in listed["counted"]] == [3]


@pytest.mark.parametrize(
    ("audience", "seeing"),
    [("cleo", {"cleo"}), ("@quants", {"cleo", "dora"}), ("*", {"cleo", "dora", "eve"})],
)
def test_what_is_shared_is_seen_by_whom_it_is_shared_with_until_it_is_taken_back(
    team: Api, run: str, audience: str, seeing: set[str]
):
    team.door.scopes["eve"] = EVERYTHING
    strangers = {"cleo", "dora", "eve"}
    assert not any(seen_by(team, run, who) for who in strangers)
    before = datetime.now(UTC)
    made = share(team, run[:14], audience)
    assert made.status_code == 201, made.text
    told = made.json()
    assert told["title"] == f"SmaCross on GOOG 1d, 2024-01-02 to 2024-01-31 (run {run[:8]})"
    assert {name: told[name] for name in ("kind", "subject", "owner", "audience", "made_by")} == {
        "kind": "run",
        "subject": run,
        "owner": "ada",
        "audience": audience,
        "made_by": "ada",
    }
    assert before <= datetime.fromisoformat(told["made_at"]) <= datetime.now(UTC)
    assert {who for who in strangers if seen_by(team, run, who)} == seeing
    assert {who for who in strangers if told in team("GET", "/v1/shares", who).json()["items"]} == seeing
    again = share(team, run, audience)
    assert (again.status_code, again.json()) == (200, told)
    for who in strangers:
        refused = team("DELETE", f"/v1/shares/{told['id']}", who)
        assert refused.status_code == (403 if who in seeing else 404)
        assert share(team, run, "*", who).status_code == (403 if who in seeing else 404), "only the owner shares on"
    assert team("DELETE", f"/v1/shares/{told['id']}").status_code == 204
    assert not any(seen_by(team, run, who) for who in strangers)
    assert team("DELETE", f"/v1/shares/{told['id']}").status_code == 404
    assert team("GET", f"/v1/shares/{told['id']}").status_code == 404
    entries = team("GET", "/v1/audit", "root", params={"limit": 2}).json()["items"][::-1]
    assert [(each["who"], each["action"], each["about"]) for each in entries] == [
        ("ada", "share.made", told["id"]),
        ("ada", "share.taken-back", told["id"]),
    ]
    assert all(
        each["detail"] == {"kind": "run", "subject": run, "owner": "ada", "audience": audience} for each in entries
    )


def test_shares_are_listed_to_who_made_them_and_whom_they_are_with(team: Api, run: str, tmp_path: Path):
    other = handed_in(team, tmp_path, "dora")
    with_cleo, with_all = share(team, run, "cleo").json(), share(team, other, "*", "dora").json()

    def listed(who: str, **wanted: Any) -> list[str]:
        items = team("GET", "/v1/shares", who, params={"limit": 200, **wanted}).json()["items"]
        return [each["id"] for each in items if each["subject"] in (run, other)]

    assert listed("ada") == [with_all["id"], with_cleo["id"]]
    assert listed("ada", owner="ada") == listed("ada", subject=run, kind="run") == [with_cleo["id"]]
    assert listed("bob") == listed("rita") == [with_all["id"]], "whom a colleague shared with is not told"
    assert listed("root") == listed("cleo") == [with_all["id"], with_cleo["id"]]
    assert team("GET", f"/v1/shares/{with_cleo['id']}", "bob").status_code == 404
    assert team("DELETE", f"/v1/shares/{with_cleo['id']}", "root").status_code == 204
    first = team("GET", "/v1/shares", "dora", params={"limit": 1, "owner": "dora"}).json()
    assert [each["id"] for each in first["items"]] == [with_all["id"]]


def test_whom_it_is_shared_with_is_told(team: Api, run: str):
    assert share(team, run, "cleo").status_code == 201
    told = team("GET", "/v1/notifications", "cleo").json()["items"][0]
    named = f"SmaCross on GOOG 1d, 2024-01-02 to 2024-01-31 (run {run[:8]})"
    assert (told["kind"], told["text"]) == ("share", f"ada shared {named} with you")
    assert told["about"] == {"run": run, "by": "ada"}


@pytest.mark.parametrize(
    ("new", "status", "said"),
    [
        ({"audience": "cloe"}, 404, "cloe"),
        ({"audience": "@quant"}, 404, "quants"),
        ({"audience": "ada"}, 422, "somebody else"),
        ({"audience": ""}, 422, "audience"),
        ({"audience": "@"}, 422, "audience"),
        ({"audience": "**"}, 422, "audience"),
        ({"audience": "a\x00b"}, 422, "audience"),
        ({"audience": "x" * 300}, 422, "audience"),
        ({"audience": "bob", "subject": "../x"}, 422, "subject"),
        ({"audience": "bob", "subject": "0" * 16}, 404, "0" * 16),
        ({"audience": "bob", "kind": "server"}, 422, "kind"),
        ({"audience": "bob", "kind": "dashboard"}, 422, "a comma between their ids"),
        ({"audience": "bob", "subject": "3f2a,9c0d"}, 422, "a comma between their ids"),
        ({"audience": "bob", "kind": "rendering", "subject": "3f2a,9c0d"}, 422, "a comma between their ids"),
        ({"audience": "bob", "kind": "dashboard", "subject": ",".join("1234567")}, 422, "subject"),
        ({"audience": "bob", "owner": "bob"}, 422, "owner"),
        ({}, 422, "audience"),
    ],
)
def test_what_cannot_be_shared_is_refused_with_the_reason(
    team: Api, run: str, new: dict[str, str], status: int, said: str
):
    answer = team("POST", "/v1/shares", json={"subject": run} | new)
    assert answer.status_code == status, answer.text
    assert said in json.dumps(answer.json())


@pytest.fixture
def sides(team: Api, run: str, tmp_path: Path) -> tuple[str, str]:
    """Two runs of Ada's."""
    return run, handed_in(team, tmp_path, parameters={"fast": 5, "slow": 20})


def show(api: Api, runs: tuple[str, ...], audience: str, who: str = "ada") -> httpx.Response:
    """Share a dashboard."""
    new = {"kind": "dashboard", "subject": ",".join(runs), "audience": audience}
    return api("POST", "/v1/shares", who, json=new)


@pytest.mark.parametrize(
    ("audience", "seeing"),
    [("cleo", {"cleo"}), ("@quants", {"cleo", "dora"}), ("*", {"cleo", "dora", "eve"})],
)
def test_a_dashboard_s_runs_are_seen_by_whom_it_is_shared_with_until_it_is_taken_back(
    team: Api, sides: tuple[str, str], tmp_path: Path, audience: str, seeing: set[str]
):
    team.door.scopes["eve"] = EVERYTHING
    strangers = {"cleo", "dora", "eve"}
    third = handed_in(team, tmp_path, parameters={"fast": 6, "slow": 20})
    first = show(team, tuple(each[:14] for each in sides), audience)
    assert first.status_code == 201, first.text
    told = first.json()
    assert (told["kind"], told["owner"], told["runs"]) == ("dashboard", "ada", list(sides))
    assert told["title"].endswith(f"(run {sides[0][:8]}) and 1 other run")
    for each in sides:
        assert {who for who in strangers if seen_by(team, each, who)} == seeing
    assert not any(seen_by(team, third, who) for who in strangers), "what is not in it is nobody's to see"
    asked = {"kind": "dashboard", "subject": told["subject"]}
    listed = {who for who in strangers if team("GET", "/v1/shares", who, params=asked).json()["items"]}
    assert listed == seeing
    for who in strangers:
        assert show(team, sides, "*", who).status_code == (403 if who in seeing else 404), "only the owner shares on"
    again = show(team, sides, audience)
    assert (again.status_code, again.json()) == (200, told)
    assert team("DELETE", f"/v1/shares/{told['id']}").status_code == 204
    for each in sides:
        assert not any(seen_by(team, each, who) for who in strangers)
    assert not [who for who in strangers if team("GET", "/v1/shares", who, params=asked).json()["items"]]
    entries = team("GET", "/v1/audit", "root", params={"limit": 2}).json()["items"][::-1]
    assert [(each["who"], each["action"], each["about"]) for each in entries] == [
        ("ada", "share.made", told["id"]),
        ("ada", "share.taken-back", told["id"]),
    ]
    kept_of_it = {"kind": "dashboard", "subject": told["subject"], "owner": "ada", "audience": audience}
    assert all(each["detail"] == kept_of_it | {"runs": list(sides)} for each in entries)


def test_what_is_shared_twice_is_seen_until_both_are_taken_back(team: Api, sides: tuple[str, str]):
    shown, alone = show(team, sides, "cleo").json(), share(team, sides[0], "cleo").json()
    other = show(team, sides[::-1], "cleo").json()
    assert other["subject"] != shown["subject"], "in another order it is another one"
    for taken, seen in ((shown, {*sides}), (other, {sides[0]}), (alone, set())):
        assert team("DELETE", f"/v1/shares/{taken['id']}").status_code == 204
        assert {each for each in sides if seen_by(team, each, "cleo")} == seen


def test_whom_a_dashboard_is_shared_with_is_told(team: Api, sides: tuple[str, str]):
    made = show(team, sides, "cleo").json()
    told = team("GET", "/v1/notifications", "cleo").json()["items"][0]
    named = f"SmaCross on GOOG 1d, 2024-01-02 to 2024-01-31 (run {sides[0][:8]}) and 1 other run"
    assert (told["kind"], told["text"]) == ("share", f"ada shared the dashboard of {named} with you")
    assert told["about"] == {"dashboard": made["subject"], "by": "ada"}


def test_a_dashboard_is_of_one_person_s_runs(team: Api, sides: tuple[str, str], tmp_path: Path):
    bobs = handed_in(team, tmp_path, "bob")
    refused = show(team, (sides[0], bobs), "cleo")
    assert refused.status_code == 403 and f"The run {bobs} is bob's." in refused.text, "seen by the team, but bob's"
    assert show(team, (sides[0], bobs), "cleo", "root").status_code == 422
    assert show(team, (sides[0], sides[0][:12]), "cleo").status_code == 422
    assert show(team, sides, "ada").status_code == 422
    assert show(team, (sides[0], "0" * 16), "cleo").status_code == 404
    assert show(team, sides, "cleo", "root").json()["made_by"] == "root"
    assert not seen_by(team, bobs, "cleo")


def test_who_leaves_a_team_sees_its_runs_no_more_and_who_comes_does(team: Api, run: str):
    team.door.members = {"desk": frozenset({"ada", "cleo"})}
    assert (seen_by(team, run, "bob"), seen_by(team, run, "cleo")) == (False, True)
    team.door.members = {}
    assert (seen_by(team, run, "ada"), seen_by(team, run, "cleo")) == (True, False)


def test_schedules_and_firings_are_seen_by_whom_runs_are(team: Api):
    def listed(path: str, who: str) -> set[str]:
        return {each["id"] for each in team("GET", path, who, params={"limit": 200}).json()["items"]}

    new = {"notebook": "backtests/mine.ipynb", "cron": "0 7 * * *"}
    schedule = team("POST", "/v1/schedules", json=new).json()["id"]
    at = f"/v1/schedules/{schedule}"
    fired = team("POST", f"{at}/fire").json()["id"]
    asked = team("POST", "/v1/backtests", json={"notebook": "a.ipynb"}).json()["id"]
    reads = [at, f"{at}/firings", f"{at}/firings/{fired}", f"/v1/firings/{fired}", f"/v1/backtests/{asked}"]
    lists = {"/v1/schedules": schedule, "/v1/firings": fired, "/v1/firings?owner=ada": fired, "/v1/backtests": asked}
    changes = [("PATCH", at, {"timeout": 5}), ("DELETE", at, {}), ("POST", f"{at}/pause", {})]
    changes += [("POST", f"{at}/fire", {}), ("POST", f"{at}/firings/{fired}/cancel", {})]
    changes += [("POST", f"/v1/backtests/{asked}/cancel", {})]
    for who, sees in (("bob", True), ("rita", True), ("root", True), ("cleo", False)):
        assert {team("GET", path, who).status_code for path in reads} == {200 if sees else 404}, who
        assert {name in listed(path, who) for path, name in lists.items()} == {sees}, who
        if who != "root":
            told = {team(method, path, who, json=body).status_code for method, path, body in changes}
            assert told == {403 if sees else 404}, who
    for path in [*reads, *(path for _, path, _ in changes)]:
        unknown = path.replace(schedule, "0" * 16).replace(fired, "1" * 16).replace(asked, "2" * 16)
        method = next((verb for verb, where, _ in changes if where == path), "GET")
        one, other = (team(method, each, "cleo", json={}).text for each in (path, unknown))
        for name, digit in ((schedule, "0"), (fired, "1"), (asked, "2")):
            one = one.replace(name, digit * 16)
        assert one == other, "as of one that there is not"
    assert team("GET", at).json()["timeout"] == 3600


def test_the_run_that_a_strategy_is_like_is_named_to_whom_it_is_shown(team: Api, tmp_path: Path):
    text = "\n".join(f"def step_{n}(self, bar): return bar.close * {n} + self.seen[{n}]" for n in range(9))
    runs = {}
    for who, name in (("ada", "Origin"), ("cleo", "Likeness")):
        strategy = StrategySource(f"desk:{name}", "cd" * 32, text)
        runs[who] = json.loads(to_json(kept(Ledger(tmp_path / who), user=who, strategy=strategy)))
        told = team("POST", "/v1/runs", who, json=runs[who]).json()["family"]
    assert (told["name"], told["similar_to"], told["similarity"], len(told["trials"])) == ("Origin", "", None, 2)
    asked = {"strategies": [{"name": "desk:Third", "text": text}]}

    def named(who: str) -> set[str]:
        """The run that is named to somebody: by the run that is like it, in the list, and by its source alone."""
        one = runs["cleo"]["id"]
        counted = team("GET", "/v1/runs", who, params={"user": "cleo"}).json()["counted"]
        (listed,) = [each for each in counted if each["id"] == one]
        family = team("GET", f"/v1/runs/{one}", who).json()["family"]
        (source,) = team("POST", "/v1/families", who, json=asked).json()
        assert listed["trials"] == len(family["trials"]) == len(source["trials"]) == 2, "they are counted all the same"
        return {listed["similar_to"], family["similar_to"], source["similar_to"]}

    assert (named("cleo"), named("rita")) == ({""}, {runs["ada"]["id"]})
    assert share(team, runs["ada"]["id"], "cleo").status_code == 201
    assert named("cleo") == {runs["ada"]["id"]}


def test_who_is_named_on_a_run_that_they_do_not_see_is_told_neither_its_name_nor_where(team: Api, run: str):
    title = f"SmaCross on GOOG 1d, 2024-01-02 to 2024-01-31 (run {run[:8]})"
    said = {"target": f"run:{run}", "body": "@cleo and @rita, look at this"}
    comment = team("POST", "/v1/comments", json=said).json()["id"]

    def told(who: str) -> tuple[str, dict[str, str]]:
        newest = team("GET", "/v1/notifications", who).json()["items"][0]
        assert newest["kind"] == "mention"
        return newest["text"], newest["about"]

    unseen = ("ada mentioned you on a run that you do not see", {"by": "ada"})
    seen = (f"ada mentioned you on {title}", {"comment": comment, "target": f"run:{run}", "by": "ada"})
    assert (told("cleo"), told("rita")) == (unseen, seen)
    made = share(team, run, "@quants").json()["id"]
    assert told("cleo") == seen, "it is asked when it is read"
    assert team("DELETE", f"/v1/shares/{made}").status_code == 204
    assert told("cleo") == unseen
    made = share(team, run, "cleo").json()["id"]
    assert team("DELETE", f"/v1/shares/{made}").status_code == 204
    newest = team("GET", "/v1/notifications", "cleo").json()["items"][0]
    assert (newest["text"], newest["about"]) == ("ada shared a run with you, and took it back", {"by": "ada"})
    assert run[:8] not in team("GET", "/v1/notifications", "cleo").text


@pytest.mark.parametrize(
    ("audience", "action"),
    [("@quants", "group.removed"), ("cleo", "person.removed"), ("cleo", "person.renamed")],
)
def test_a_share_ends_with_the_group_or_the_person_that_it_is_with(team: Api, run: str, audience: str, action: str):
    """Who is called so later is somebody else."""
    team.door.scopes["hub"] = ("access:services!service=api", TELL)
    first, other = share(team, run, audience).json()["id"], share(team, run, "dora").json()["id"]
    told = {
        "id": secrets.token_hex(16),
        "at": datetime.now(UTC).isoformat(),
        "who": "root",
        "action": action,
        "about": audience.removeprefix("@"),
    }
    for _ in range(2):
        assert team("POST", "/v1/audit", "hub", json=told).status_code == 204
        assert not seen_by(team, run, "cleo")
    assert [each["id"] for each in team("GET", "/v1/shares", params={"subject": run}).json()["items"]] == [other]
    ended = team("GET", "/v1/audit", "root", params={"action": "share.taken-back", "limit": 200}).json()["items"]
    assert [(each["who"], each["about"]) for each in ended if each["detail"]["subject"] == run] == [("root", first)]
    assert share(team, run, audience).status_code == 201
    for again in (told, told | {"id": secrets.token_hex(16)}):
        assert team("POST", "/v1/audit", "hub", json=again).status_code == 204
        assert seen_by(team, run, "cleo"), "it was made for who is called so now"


def test_while_the_hub_is_away_nobody_is_shown_anything(team: Api, run: str):
    team.door.is_away = True
    assert team("GET", f"/v1/runs/{run}", "bob").status_code == 503


def test_events_of_a_run_s_comments_reach_whom_the_run_does(team: Api, run: str):
    heard: dict[str, list[str]] = {"bob": [], "cleo": []}
    ready = [threading.Event() for _ in heard]

    def listen(who: str, is_ready: threading.Event) -> None:
        headers = {"Authorization": f"Bearer {who}"}
        with httpx.stream("GET", f"{team.url}/v1/comments/events", headers=headers, timeout=120) as answer:
            for line in answer.iter_lines():
                if line.startswith(":"):
                    is_ready.set()
                if line.startswith("data:"):
                    body = json.loads(line.removeprefix("data:"))["body"]
                    heard[who].append(body)
                    if body == "to everybody":
                        return

    listening = [threading.Thread(target=listen, args=each) for each in zip(heard, ready, strict=True)]
    for each in listening:
        each.start()
    assert all(each.wait(120) for each in ready)
    for target, body in ((f"run:{run}", "of the desk"), ("instrument:AAPL.XNAS", "to everybody")):
        assert team("POST", "/v1/comments", json={"target": target, "body": body}).status_code == 201
    for each in listening:
        each.join(120)
    assert heard == {"bob": ["of the desk", "to everybody"], "cleo": ["to everybody"]}


def test_only_groups_that_are_teams_show_each_other_their_runs():
    def caller(name: str, *, is_service: bool = False) -> Caller:
        return Caller(name, is_service=is_service, is_admin=False, scopes=frozenset(), token="")

    groups = {"desk": frozenset({"ada", "bob"}), "all-staff": frozenset({"ada", "bob", "cleo"})}
    ada = sight_of(caller("ada"), groups, Settings(teams="desk, quants").team_names)
    assert (ada.people, ada.audiences) == ({"ada", "bob"}, {"ada", "*", "@desk", "@all-staff"})
    assert sight_of(caller("ada"), groups, Settings().team_names).people == {"ada", "bob", "cleo"}
    assert sight_of(caller("ada"), groups, Settings(teams="").team_names).people == {"ada"}
    service = sight_of(caller("ada", is_service=True), groups, Settings().team_names)
    assert (service.people, service.audiences, service.all_runs) == (frozenset(), {"*"}, False)
