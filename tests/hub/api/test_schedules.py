"""``/v1/schedules``, ``/v1/firings`` and ``/v1/backtests``: what is kept, refused, and whose it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.roles import SEE_ALL
from tests.resources.api_server import EVERYTHING, Api

NEW = {"notebook": "backtests/sma.ipynb", "cron": "0 7 * * 1-5", "timezone": "America/New_York"}


def made(api: Api, who: str = "ada", **more: Any) -> dict[str, Any]:
    answer = api("POST", "/v1/schedules", who, json=NEW | more)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_schedule_says_what_it_will_do_and_when(api: Api):
    schedule = made(api, parameters={"symbol": "AAPL", "fast": 10, "when": None, "deep": {"a": [1.5, True]}})
    assert schedule["owner"] == "ada"
    assert schedule["parameters"]["deep"] == {"a": [1.5, True]}
    assert (schedule["catch_up"], schedule["overlap"], schedule["timeout"]) == ("latest", "skip", 3600)
    following = [datetime.fromisoformat(each) for each in schedule["next"]]
    assert len(following) == 5
    assert following[0] > datetime.now(UTC)
    assert {each.weekday() for each in following} <= {0, 1, 2, 3, 4}
    assert api("GET", f"/v1/schedules/{schedule['id']}").json() == schedule


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"cron": "0 0 30 2 *"}, "never fires"),
        ({"cron": "nonsense"}, "has 1 fields, not 5"),
        ({"cron": "61 * * * *"}, "bad minute"),
        ({"timezone": "Mars/Base"}, "'Mars/Base' is no time zone"),
        ({"timezone": "localtime"}, "'localtime' is no time zone"),
        ({"timezone": "Factory"}, "'Factory' is no time zone"),
        ({"timeout": True}, "valid integer"),
        ({"timeout": "5"}, "valid integer"),
        ({"notebook": "../other/x.ipynb"}, "leads out of the workspace"),
        ({"notebook": "/etc/x.ipynb"}, "leads out of the workspace"),
        ({"notebook": "x.py"}, "is no notebook"),
        ({"output": "../{date}.ipynb"}, "leads out of the workspace"),
        ({"output": "{user}.ipynb"}, "{user} is not filled in"),
        ({"output": "backtests/{notebook}.ipynb"}, "would replace the notebook itself"),
        ({"output": "./backtests//sma.ipynb"}, "would replace the notebook itself"),
        ({"output": "backtests/./{notebook}.ipynb"}, "would replace the notebook itself"),
        ({"notebook": "2026-11-25.ipynb", "output": "{date}.ipynb"}, "would replace the notebook itself"),
        ({"output": "x" * 250 + ".ipynb"}, "longer than 255 bytes"),
        ({"output": "\u00e9" * 130 + ".ipynb"}, "longer than 255 bytes"),
        ({"notebook": "n" * 240 + ".ipynb", "output": "s/{notebook}-{date}.ipynb"}, "longer than 255 bytes"),
        ({"parameters": {"a b": 1}}, "'a b' is no name of a parameter"),
        ({"parameters": {"import": 1}}, "'import' is no name of a parameter"),
        ({"parameters": {"a": "x" * 30_000}}, "longer than 20,000"),
        ({"parameters": {"a": "\0"}}, "cannot be stored"),
        ({"timeout": 0}, "greater than or equal to 1"),
        ({"timeout": 10**9}, "less than or equal to"),
        ({"catch_up": "some"}, "'latest', 'all' or 'none'"),
        ({"overlap": "both"}, "'skip' or 'queue'"),
        ({"owner": "bob"}, "body.owner: 'owner' is no field here"),
    ],
)
def test_what_could_never_fire_is_refused_with_the_reason(api: Api, change: dict[str, Any], says: str):
    answer = api("POST", "/v1/schedules", json=NEW | change)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]
    assert "Value error" not in answer.text, "a reader need not know what checks it"


@pytest.mark.parametrize("value", ["NaN", "Infinity", '"\\ud800"', "[" * 60 + "]" * 60])
def test_parameters_that_no_answer_could_hold_are_refused(api: Api, value: str):
    body = f'{{"notebook": "a.ipynb", "cron": "* * * * *", "parameters": {{"a": {value}}}}}'
    answer = api("POST", "/v1/schedules", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


def test_only_its_owner_and_administrators_change_a_schedule(api: Api):
    path = f"/v1/schedules/{made(api)['id']}"
    firing = api("POST", f"{path}/fire").json()["id"]
    for method, more in [
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/pause"),
        ("POST", "/resume"),
        ("POST", "/fire"),
        ("POST", f"/firings/{firing}/cancel"),
    ]:
        answer = api(method, path + more, "bob", **({"json": {"timeout": 5}} if method == "PATCH" else {}))
        assert answer.status_code == 403, (method, more)
        assert "ada's" in answer.json()["detail"]
    assert api("GET", path, "bob").status_code == 200
    assert api("PATCH", path, "root", json={"timeout": 77}).json()["timeout"] == 77


def test_scopes_hold(api: Api):
    path = f"/v1/schedules/{made(api)['id']}"
    api.door.scopes["ada"] = tuple(each for each in EVERYTHING if each != "custom:schedules:write")
    assert api("GET", path).status_code == 200
    assert api("POST", "/v1/schedules", json=NEW).status_code == 403
    assert api("POST", "/v1/backtests", json={"notebook": "a.ipynb"}).status_code == 403
    api.door.scopes["ada"] = ("access:services!service=api",)
    assert api("GET", path).status_code == 403


def test_a_change_keeps_what_was_not_sent_and_refuses_what_a_new_one_refuses(api: Api):
    schedule = made(api, parameters={"a": 1})
    path = f"/v1/schedules/{schedule['id']}"
    changed = api("PATCH", path, json={"cron": "*/5 * * * *", "overlap": "queue"}).json()
    assert (changed["cron"], changed["overlap"], changed["parameters"]) == ("*/5 * * * *", "queue", {"a": 1})
    assert datetime.fromisoformat(changed["next"][0]) - datetime.now(UTC) <= timedelta(minutes=5)
    kept = api("PATCH", path, json={}).json()
    assert kept["cron"] == "*/5 * * * *"
    for bad in (
        {"cron": "0 0 30 2 *"},
        {"cron": None},
        {"timezone": "X/Y"},
        {"output": "backtests/sma.ipynb"},
        {"id": "x"},
    ):
        assert api("PATCH", path, json=bad).status_code == 422, bad
    as_slots_pass: dict[str, Any] = {"next": [], "due": None}
    assert api("GET", path).json() | as_slots_pass == kept | as_slots_pass


def test_a_paused_schedule_has_no_slots_until_it_is_resumed(api: Api):
    path = f"/v1/schedules/{made(api)['id']}"
    soon = api("GET", path).json()
    assert soon["due"] == soon["next"][0]
    paused = api("POST", f"{path}/pause").json()
    assert (paused["next"], paused["due"]) == ([], None)
    assert api("PATCH", path, json={"cron": "* * * * *"}).json()["paused"] is True
    assert api("POST", f"{path}/pause").json()["paused"] is True
    resumed = api("POST", f"{path}/resume").json()
    assert (resumed["paused"], len(resumed["next"])) == (False, 5)


def test_firing_by_hand_keeps_what_was_asked_and_can_be_cancelled(api: Api):
    schedule = made(api, parameters={"fast": 3}, output="reports/{notebook}-{date}-{firing}.ipynb")
    path = f"/v1/schedules/{schedule['id']}"
    once = {"headers": {"Idempotency-Key": "fire-1"}}
    firing = api("POST", f"{path}/fire", **once).json()
    assert api("POST", f"{path}/fire", **once).json() == firing
    assert (firing["kind"], firing["slot"], firing["state"]) == ("asked", None, "due")
    assert firing["output"].startswith("reports/sma-20") and firing["output"].endswith(f"-{firing['id'][:8]}.ipynb")
    api("PATCH", path, json={"parameters": {"fast": 99}})
    assert api("GET", f"{path}/firings/{firing['id']}").json()["parameters"] == {"fast": 3}
    assert api("GET", path).json()["last"]["id"] == firing["id"]
    cancelled = api("POST", f"{path}/firings/{firing['id']}/cancel").json()
    assert cancelled["state"] == "cancelled"
    assert cancelled["ended_at"]
    again = api("POST", f"{path}/firings/{firing['id']}/cancel")
    assert (again.status_code, again.json()["detail"]) == (409, f"The firing {firing['id']} is over: cancelled.")
    other = made(api)["id"]
    assert api("GET", f"/v1/schedules/{other}/firings/{firing['id']}").status_code == 404
    assert api("POST", f"/v1/schedules/{other}/firings/{firing['id']}/cancel").status_code == 404


def test_a_deleted_schedule_is_gone_and_its_firings_are_not(api: Api):
    path = f"/v1/schedules/{made(api, who='bob')['id']}"
    firing = api("POST", f"{path}/fire", "bob").json()["id"]
    assert api("DELETE", path, "bob").status_code == 204
    for method, more in [("GET", ""), ("DELETE", ""), ("POST", "/fire"), ("POST", "/resume"), ("GET", "/firings")]:
        assert api(method, path + more, "bob").status_code == 404
    held = {each["id"]: each for each in api("GET", "/v1/firings?owner=bob").json()["items"]}
    assert (held[firing]["state"], held[firing]["detail"]) == ("cancelled", "Its schedule was deleted.")


def test_lists_come_in_pages_and_are_narrowed(api: Api):
    api.door.scopes["dora"] = EVERYTHING
    ids = [made(api, who="dora")["id"] for _ in range(5)]
    first = api("GET", "/v1/schedules?owner=dora&limit=3", "dora").json()
    second = api("GET", f"/v1/schedules?owner=dora&limit=3&cursor={first['next']}", "dora").json()
    assert [each["id"] for each in first["items"] + second["items"]] == ids[::-1]
    assert second["next"] is None
    fired = [api("POST", f"/v1/schedules/{ids[0]}/fire", "dora").json()["id"] for _ in range(3)]
    api("POST", f"/v1/schedules/{ids[0]}/firings/{fired[0]}/cancel", "dora")
    due = api("GET", f"/v1/schedules/{ids[0]}/firings?state=due", "dora").json()["items"]
    assert [each["id"] for each in due] == fired[:0:-1]
    assert api("GET", "/v1/firings?state=nonsense").status_code == 422


def test_a_backtest_is_a_firing_without_a_schedule(api: Api):
    asked = {"notebook": "backtests/sma.ipynb", "parameters": {"symbol": "AAPL"}, "timeout": 60}
    firing = api("POST", "/v1/backtests", json=asked).json()
    assert (firing["kind"], firing["schedule"], firing["state"], firing["owner"]) == ("backtest", None, "due", "ada")
    assert api("GET", f"/v1/backtests/{firing['id']}").json() == firing
    assert firing["id"] in [each["id"] for each in api("GET", "/v1/backtests?owner=ada").json()["items"]]
    assert api("POST", f"/v1/backtests/{firing['id']}/cancel", "bob").status_code == 403
    assert api("POST", f"/v1/backtests/{firing['id']}/cancel").json()["state"] == "cancelled"
    scheduled = api("POST", f"/v1/schedules/{made(api)['id']}/fire").json()["id"]
    assert api("GET", f"/v1/backtests/{scheduled}").status_code == 404


def test_a_strategy_is_run_by_the_notebook_that_runs_any(api: Api):
    asked = {
        "name": "strategies/mine.py:Mine",
        "symbols": ["AAPL", "MSFT"],
        "params": {"fast": 3},
        "costs": {"percent": 0.1},
    }
    firing = api("POST", "/v1/backtests", json={"strategy": asked, "timeout": 60}).json()
    assert (firing["notebook"], firing["timeout"]) == ("backtests/strategy.ipynb", 60)
    given = firing["parameters"]
    assert (given["strategy"], given["symbols"]) == ("../strategies/mine.py:Mine", ["AAPL", "MSFT"])
    assert (given["params"], given["costs"], given["cash"]) == ({"fast": 3}, {"percent": 0.1}, 100_000.0)
    shipped = api("POST", "/v1/backtests", json={"strategy": {"name": "SmaCross", "symbols": ["AAPL"]}}).json()
    assert shipped["parameters"]["strategy"] == "SmaCross"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"strategy": {"name": "../x.py:A", "symbols": ["A"]}}, "leads out of the workspace"),
        ({"strategy": {"name": "x.py", "symbols": ["A"]}}, "names no class"),
        ({"strategy": {"name": "SmaCros", "symbols": ["A"]}}, "no strategy 'SmaCros'. Did you mean SmaCross?"),
        ({"strategy": {"name": "Mine", "symbols": ["A"]}}, "It has MeanReversion, NewsSentiment, SmaCross; or"),
        ({"strategy": {"name": "a b:C", "symbols": ["A"]}}, "is no module and no file"),
        ({"strategy": {"name": "SmaCross", "symbols": []}}, "at least 1"),
        ({"strategy": {"name": "SmaCross", "symbols": ["A"], "cash": -1}}, "greater than 0"),
        ({"strategy": {"name": "SmaCross", "symbols": ["A"], "cash": True}}, "true should be a valid number"),
        ({"strategy": {"name": "SmaCross", "symbols": ["A"], "start": "\0"}}, "is not a moment"),
        ({"strategy": {"name": "SmaCross", "symbols": ["A"], "end": "10000-01-01"}}, "is not a moment"),
        ({"strategy": {"name": "SmaCross", "symbols": ["A"], "end": "0000-01-01"}}, "is not a moment"),
        ({"strategy": {"name": "SmaCross", "symbols": ["A"], "start": "2012-01-01", "end": "2011-01-01"}}, "2011"),
        ({"strategy": {"name": "SmaCross", "symbols": ["A"], "period": "1x"}}, "Unknown period '1x'"),
        ({"strategy": {"name": "SmaCross", "symbols": ["A"], "period": "-5d"}}, "Unknown period '-5d'"),
        ({"strategy": {"name": "SmaCross", "symbols": ["A" * 128] * 1000}}, "longer than"),
        ({"strategy": {"name": "SmaCross", "symbols": ["A"], "costs": {"fees": 1}}}, "'per_share', 'percent'"),
        ({"strategy": {"name": "SmaCross", "symbols": ["A"], "costs": {"minimum": True}}}, "minimum=True is no number"),
        (
            {"strategy": {"name": "SmaCross", "symbols": ["A"]}, "notebook": "a.ipynb"},
            "either a notebook or a strategy",
        ),
        ({"strategy": {"name": "SmaCross", "symbols": ["A"]}, "parameters": {"a": 1}}, "a strategy's are its params"),
        ({}, "either a notebook or a strategy"),
        ({"notebook": "a.ipynb", "output": "a.ipynb"}, "would replace the notebook itself"),
    ],
)
def test_a_backtest_that_cannot_be_run_is_refused(api: Api, change: dict[str, Any], says: str):
    answer = api("POST", "/v1/backtests", json=change)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]


def test_a_service_has_no_workspace_to_schedule_in(api: Api, monkeypatch: pytest.MonkeyPatch):
    async def model(_token: str) -> dict[str, Any]:
        return {"name": "ada", "kind": "service", "admin": False, "scopes": scopes}

    scopes, path = list(EVERYTHING), f"/v1/schedules/{made(api)['id']}"
    monkeypatch.setattr(api.door, "model", model)
    assert api("POST", "/v1/schedules", json=NEW).status_code == 403
    assert api("POST", "/v1/backtests", json={"notebook": "a.ipynb"}).status_code == 403
    assert api("GET", path).status_code == 404, "it is nobody's namesake"
    scopes.append(SEE_ALL)
    assert api("GET", path).status_code == 200
    assert api("POST", f"{path}/pause").status_code == 403
