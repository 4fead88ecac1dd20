"""The gate by itself, before anything that is behind it could refuse too."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from bokeh.util.token import generate_jwt_token
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response

from hub.dashboards import gate
from hub.dashboards.gate import OWNER, Gate
from hub.dashboards.sign_in import PREFIX, HubAwayError, RefusedError
from hub.dashboards.visitor import Visitor, visitor

ANN = Visitor("ann", is_admin=False, token="t", session="s")
HOST = "hub.example"


class Door:
    """Says of everybody what it was told to say."""

    def __init__(self, says: Visitor | Exception | None = ANN) -> None:
        self.says, self.stays = says, True

    async def visitor(self, _: HTTPConnection) -> Visitor | None:
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    async def still(self, _: Visitor) -> bool:
        if isinstance(self.says, Exception):
            raise self.says
        return self.stays

    def leave(self, _: Request) -> Response:
        return RedirectResponse("/hub/sign-in", 302)


class Behind:
    """Keeps what was let through, and answers it."""

    def __init__(self) -> None:
        self.scopes: list[Any] = []
        self.who: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        if scope["type"] == "websocket":
            self.who.append(visitor().name)
            await send({"type": "websocket.accept"})
            while (await receive())["type"] != "websocket.disconnect":
                pass
        else:
            await Response("behind")(scope, receive, send)


def passing(door: Door, scope: dict[str, Any], *, stays: float = 0.0) -> tuple[Behind, list[dict[str, Any]]]:
    behind, sent = Behind(), []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(stays)
        return {"type": "websocket.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    whole = {"headers": [], "query_string": b"", "method": "GET", "http_version": "1.1", "server": None} | scope
    asyncio.run(Gate(behind, door)(whole, receive, send))  # type: ignore[arg-type]
    return behind, sent


def knock(door: Door, *, owner: str | None = "ann", stays: float = 0.0, **headers: str) -> list[dict[str, Any]]:
    payload = {"headers": {OWNER: owner}} if owner else {}
    token = generate_jwt_token("s" * 44, extra_payload=payload)
    given = {"host": HOST, "origin": f"https://{HOST}"} | headers
    scope = {
        "type": "websocket",
        "path": f"{PREFIX}home/ws",
        "subprotocols": ["bokeh", token],
        "headers": [(name.encode(), value.encode()) for name, value in given.items() if value != "none"],
    }
    return passing(door, scope, stays=stays)[1]


def page(door: Door, path: str = "home", **headers: str) -> tuple[Behind, int]:
    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    behind, sent = passing(door, {"type": "http", "path": PREFIX + path, "headers": given})
    return behind, sent[0]["status"]


def test_a_socket_is_for_a_page_of_this_host_and_its_owner():
    assert knock(Door())[0] == {"type": "websocket.accept"}
    refused = {"type": "websocket.close", "code": 4403}
    for origin in ("none", "", "null", "https://evil.example", f"https://{HOST}.evil.example", f"https://x@{HOST}"):
        assert knock(Door(), origin=origin) == [refused], origin
    assert knock(Door(), owner="bob") == [refused]
    assert knock(Door(), owner=None) == [refused]
    for nobody in (None, RefusedError(), HubAwayError()):
        assert knock(Door(nobody)) == [refused]


def test_an_open_socket_closes_when_its_owner_signs_out_and_waits_for_a_hub_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(gate, "_LOOK_AGAIN", 0.02)
    leaving = Door()
    leaving.stays = False
    assert knock(leaving, stays=0.3)[-1] == {"type": "websocket.close", "code": 4401, "reason": "signed out"}
    away = Door()
    away.still = lambda _: (_ for _ in ()).throw(HubAwayError())  # type: ignore[method-assign,assignment]
    assert knock(away, stays=0.3) == [{"type": "websocket.accept"}]


@pytest.mark.parametrize(
    ("says", "status"), [(ANN, 200), (None, 302), (RefusedError(), 403), (HubAwayError(), 503)], ids=str
)
def test_a_page_opens_for_whoever_the_hub_knows(says: Any, status: int):
    behind, answered = page(Door(says))
    assert answered == status
    assert len(behind.scopes) == (status == 200)


def test_who_somebody_is_and_which_session_they_have_only_the_gate_says():
    headers = {"x_hub_user": "root", "bokeh_session_id": "taken", "accept": "*/*"}
    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "path": f"{PREFIX}home", "headers": given, "query_string": b"a=1&bokeh-session-id=taken"}
    (through,) = passing(Door(), scope)[0].scopes
    assert through["headers"] == [(b"accept", b"*/*"), (OWNER.encode(), b"ann")]
    assert through["query_string"] == b""


def test_files_and_health_need_no_sign_in_and_nothing_else_does_without():
    closed = Door(None)
    for path in ("static/js/bokeh.min.js", "components/x.js", "assets/style.css", "health", "oauth_callback"):
        assert page(closed, path)[1] == 200, path
    for path in ("", "home", "home/autoload.js", "home/metadata", "healthy", "static", "session_info"):
        assert page(closed, path)[1] == 302, path


@pytest.mark.parametrize("mode", ["cors", "no-cors", "same-origin", "websocket"])
def test_a_page_is_opened_by_a_person_and_not_fetched_by_another_page(mode: str):
    assert page(Door(), sec_fetch_mode=mode)[1] == 403
    assert page(Door(), sec_fetch_mode="navigate")[1] == 200
