"""A workspace's check of its visitors against a hub that answers, refuses, and goes away."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from alphapulse_jobs import believed
from jupyterhub.services.auth import HubAuth
from tornado.web import HTTPError

ADA = {"name": "ada", "scopes": ["access:servers!user=ada"]}


class HubThatComesAndGoes:
    """Says who a token's owner is, or that it knows none; `stop` ends it, and its port is nobody's then."""

    def __init__(self, port: int = 0) -> None:
        self.status = 200
        hub = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(hub.status)
                self.end_headers()
                self.wfile.write(json.dumps(ADA if hub.status == 200 else {}).encode())

            def log_message(self, *_: Any) -> None:
                """Not to the test's output."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Answer)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubThatComesAndGoes]:
    monkeypatch.setattr(HubAuth, "_check_hub_authorization", HubAuth._check_hub_authorization)
    running = HubThatComesAndGoes()
    yield running
    running.stop()


def asks(hub: HubThatComesAndGoes) -> Callable[[], Any]:
    """A check of a visitor, after the cache of the one before has expired."""
    auth = HubAuth(api_url=f"http://127.0.0.1:{hub.port}/hub/api", api_token="t")

    def who() -> Any:
        auth.cache.clear()
        return auth.user_for_token("token")

    return who


def test_a_visitor_whom_the_hub_knew_is_believed_while_it_is_away(hub: HubThatComesAndGoes) -> None:
    believed.believe()
    who = asks(hub)
    assert who() == ADA
    hub.stop()
    assert who() == who() == ADA


def test_not_longer_than_said(hub: HubThatComesAndGoes, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 100.0
    monkeypatch.setattr(believed, "time", SimpleNamespace(monotonic=lambda: moment))
    believed.believe(longer=3.0)
    who = asks(hub)
    assert who() == ADA
    hub.stop()
    moment += 2.9
    assert who() == ADA
    moment += 0.2
    with pytest.raises(HTTPError):
        who()


def test_a_stranger_is_not_believed(hub: HubThatComesAndGoes) -> None:
    believed.believe()
    who = asks(hub)
    hub.stop()
    with pytest.raises(HTTPError):
        who()


def test_a_refusal_holds_at_once_and_when_the_hub_is_away_afterwards(hub: HubThatComesAndGoes) -> None:
    believed.believe()
    who = asks(hub)
    assert who() == ADA
    hub.status = 403
    assert who() is None
    hub.stop()
    with pytest.raises(HTTPError):
        who()
