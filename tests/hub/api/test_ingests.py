"""``/v1/ingests``: what is kept, what is merged, what is refused, and whose it is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.settings import Settings
from hub.api.database import opened
from hub.api.ingests.schema import FETCHES
from hub.worker.measures import Measures
from hub.worker.presence import Presence
from tests.resources.api_server import Api, serving

WANTED = {"provider": "alpaca", "symbols": ["AAPL"], "start": "2020-01-02"}


def asked(api: Api, who: str = "ada", **more: Any) -> dict[str, Any]:
    answer = api("POST", "/v1/ingests", who, json=WANTED | more)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_same_asked_by_many_at_once_is_fetched_once(api: Api, chosen: Settings) -> None:
    symbol = f"X{uuid4().hex[:6]}"
    with ThreadPoolExecutor(16) as people:
        told = list(people.map(lambda at: asked(api, ("ada", "bob")[at % 2], symbols=[symbol, "IBM"]), range(32)))
    assert len({each["id"] for each in told}) == 32, "each has a request of their own"
    engine = opened(chosen)
    with engine.connect() as connection:
        kept = [
            row for row in connection.execute(select(FETCHES.c.asked, FETCHES.c.state)) if symbol.upper() in str(row)
        ]
    engine.dispose()
    assert [row.state for row in kept] == ["waiting"], "and all of them one fetch"
    assert api("GET", f"/v1/ingests/{told[0]['id']}").json()["shared"] == 32


def test_what_is_asked_is_told_again_and_the_order_of_names_means_nothing(api: Api) -> None:
    one = asked(api, symbols=["msft", "AAPL", "MSFT"], period="1min", end="2020-01-03", feed="iex", venue="XNAS")
    assert (one["symbols"], one["symbol_count"], one["period"]) == (["AAPL", "MSFT"], 2, "1m")
    same = asked(api, "bob", symbols=["AAPL", "MSFT"], period="1m", end="2020-01-03", feed="iex", venue="XNAS")
    assert (same["shared"], same["position"]) == (2, one["position"])
    assert asked(api, symbols=["AAPL", "MSFT"], period="1m", end="2020-01-04", feed="iex", venue="XNAS")["shared"] == 1
    many = asked(api, symbols=[f"A{each}" for each in range(300)])
    assert (len(many["symbols"]), many["symbol_count"]) == (20, 300)


def test_the_last_who_leaves_ends_the_fetch_and_the_same_begins_anew(api: Api) -> None:
    first, second = asked(api, symbols=["LEAVE"]), asked(api, "bob", symbols=["LEAVE"])
    cancel = "/v1/ingests/{}/cancel"
    refused = api("POST", cancel.format(first["id"]), "bob")
    assert (refused.status_code, refused.json()["detail"]) == (403, "This is ada's.")
    assert api("POST", cancel.format(first["id"])).json()["state"] == "cancelled"
    assert api("GET", f"/v1/ingests/{second['id']}").json()["state"] == "waiting"
    assert api("POST", cancel.format(first["id"])).status_code == 409
    assert api("POST", cancel.format(second["id"]), "root").json()["position"] is None
    assert asked(api, symbols=["LEAVE"])["shared"] == 1
    waiting = api("GET", "/v1/ingests", params={"state": "waiting", "owner": "bob", "limit": 200}).json()["items"]
    assert second["id"] not in {each["id"] for each in waiting}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"period": "1x"}, "Unknown period '1x'"),
        ({"start": "soon"}, "'soon' is not a moment"),
        ({"start": "2020-01-02", "end": "2019-01-02"}, "The window is reversed"),
        ({"symbols": []}, "give a provider, symbols and start"),
        ({"start": None}, "give a provider, symbols and start"),
        ({"dataset": "sample"}, "name it alone"),
        ({"kind": "news"}, "'bars', 'trades' or 'quotes'"),
        ({"symbols": ["A\nB"]}, "pattern"),
        ({"key": "PK1"}, "'key' is no field here"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(api: Api, wrong: dict[str, Any], says: str) -> None:
    answer = api("POST", "/v1/ingests", json=WANTED | wrong)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert says in answer.json()["detail"]


def test_datasets_must_be_declared_and_rights_held(api: Api) -> None:
    unknown = api("POST", "/v1/ingests", json={"dataset": "smaple"})
    assert (unknown.status_code, unknown.json()["hint"]) == (404, "Did you mean sample?")
    assert api("POST", "/v1/ingests", json={"dataset": "sample"}).json()["dataset"] == "sample"
    assert api("GET", "/v1/ingests/00ff").status_code == 404
    api.door.scopes["bob"] = ("access:services!service=api", "custom:ingests:read")
    assert api("POST", "/v1/ingests", "bob", json=WANTED).status_code == 403
    assert api("GET", "/v1/ingests", "bob").status_code == 200
    api.door.scopes["bob"] = ("access:services!service=api",)
    assert api("GET", "/v1/ingests", "bob").status_code == 403


def test_a_vendor_that_no_worker_knows_is_refused_and_so_is_a_dataset_of_one(chosen: Settings, tmp_path: Path) -> None:
    for name, vendor in (("theirs", "alpca"), ("ours", "alpaca")):
        said = f"provider: {vendor}\nuniverse: [AAPL]\nperiods: [1d]\nhistory: 2020-01-01\n"
        (tmp_path / f"{name}.yaml").write_text(said)
    (tmp_path / "torn.yaml").write_text("provider: [")
    with serving(chosen.model_copy(update={"datasets": tmp_path})) as api:
        assert asked(api, provider="alpca")["state"] == "waiting", "no worker has ever told whom it knows"
        engine = opened(chosen)
        worker = Presence(engine)
        worker.beat()
        Measures(engine, worker.id, Roots(chosen.catalog_root)).vendors()
        try:
            hint = "Did you mean alpaca? There are: alpaca."
            refused = api("POST", "/v1/ingests", json=WANTED | {"provider": "alpca"})
            assert (refused.status_code, refused.json()["hint"]) == (422, hint)
            assert refused.json()["detail"] == "No vendor is called 'alpca'."
            says = "No vendor is called 'alpca', of which 'theirs' is declared to be."
            cron = {"cron": "30 18 * * 1-5"}
            for path, body in (("ingests", {}), ("schedules", cron)):
                refused = api("POST", f"/v1/{path}", json=body | {"dataset": "theirs"})
                assert (refused.status_code, refused.json()["detail"], refused.json()["hint"]) == (422, says, hint)
                assert api("POST", f"/v1/{path}", json=body | {"dataset": "ours"}).status_code == 201
                # What else is wrong with a declaration the worker says, which carries it out.
                assert api("POST", f"/v1/{path}", json=body | {"dataset": "torn"}).status_code == 201
            # Where publications stand in the line nobody else does.
            assert api("POST", "/v1/ingests", json=WANTED | {"provider": "publish"}).status_code == 422
            assert asked(api, symbols=["KNOWN"])["provider"] == "alpaca"
        finally:
            worker.forget(worker.id)
            engine.dispose()


def test_the_same_under_one_key_is_asked_once(api: Api) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    first, again = (api("POST", "/v1/ingests", json=WANTED, headers=headers) for _ in range(2))
    assert first.json() == again.json()


def test_schedules_of_datasets_are_told_from_those_of_notebooks(api: Api) -> None:
    cron = {"cron": "30 18 * * 1-5", "timezone": "America/New_York"}
    made = api("POST", "/v1/schedules", json=cron | {"dataset": "sample"}).json()
    assert (made["dataset"], made["notebook"], made["output"], made["fault"]) == ("sample", "", "", "")
    assert len(made["next"]) == 5
    for wrong, says in (
        ({}, "give either a notebook or a dataset"),
        ({"dataset": "sample", "notebook": "a.ipynb"}, "give either a notebook or a dataset"),
        ({"dataset": "sample", "parameters": {"a": 1}}, "a dataset has none"),
    ):
        assert says in api("POST", "/v1/schedules", json=cron | wrong).json()["detail"]
    path = f"/v1/schedules/{made['id']}"
    assert api("PATCH", path, json={"cron": "0 19 * * 1-5"}).json()["cron"] == "0 19 * * 1-5"
    refused = api("PATCH", path, json={"notebook": "a.ipynb"})
    assert (refused.status_code, "it has no notebook" in refused.json()["detail"]) == (422, True)
    fired = api("POST", f"{path}/fire").json()
    assert (fired["dataset"], fired["output"], fired["state"]) == ("sample", "", "due")
    assert api("POST", f"{path}/firings/{fired['id']}/cancel").json()["state"] == "cancelled"
    assert api("DELETE", path).status_code == 204
