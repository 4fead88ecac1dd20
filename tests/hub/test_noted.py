"""What cannot be noted: nobody comes in of whom it cannot, and is told so; who leaves, leaves."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from tornado.httputil import HTTPHeaders
from tornado.web import HTTPError
from traitlets.config import Config

from alphapulse_lib.settings import Settings
from hub import access, deeds
from hub.authenticator import authenticator
from hub.keys import Keys
from hub.outbox import Outbox


def full(_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_nobody_comes_in_of_whom_that_cannot_be_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    held, config = Keys(), Config()
    access.configure(config, Settings(admins="ann"), held)
    door = authenticator("shared-password")(config=config)
    outbox = Outbox(tmp_path / "outbox", "http://127.0.0.1:1", "hub")
    monkeypatch.setattr(deeds, "outbox", lambda: outbox)
    asks = SimpleNamespace(request=SimpleNamespace(headers=HTTPHeaders(), remote_ip="127.0.0.1"))
    typed = {"username": "ann", "password": held.admin_password}

    assert asyncio.run(door.get_authenticated_user(asks, typed))["name"] == "ann"
    assert len(list((tmp_path / "outbox").glob("*.json"))) == 1

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HTTPError, match="Nobody can be signed in now: the hub cannot write") as refused:
        asyncio.run(door.get_authenticated_user(asks, typed))
    assert refused.value.status_code == 503
    assert len(list((tmp_path / "outbox").iterdir())) == 1, "half an entry is left"


def test_who_signs_out_is_noted_and_leaves_though_that_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    folder, config = tmp_path / "outbox", Config()
    access.configure(config, Settings(admins="ann"), Keys())
    outbox = Outbox(folder, "http://127.0.0.1:1", "hub")
    monkeypatch.setattr(deeds, "outbox", lambda: outbox)
    monkeypatch.setattr(deeds, "tell_settings", lambda _: None)

    async def signs_out(name: str) -> None:
        doors = authenticator("shared-password")(config=config).get_handlers(SimpleNamespace(users={}))
        page = next(page for path, page, *_ in doors if path == "/logout")
        leaves = page.__new__(page)
        leaves.request = SimpleNamespace(headers=HTTPHeaders(), remote_ip="192.0.2.7")
        leaves._jupyterhub_user = SimpleNamespace(name=name) if name else None
        await leaves.handle_logout()

    for name in ("ann", ""):  # a visitor who was not signed in is nobody
        asyncio.run(signs_out(name))
    (told,) = [json.loads(each.read_text()) for each in folder.glob("*.json")]
    assert (told["action"], told["who"], told["origin"]) == ("sign-out.done", "ann", "192.0.2.7")

    monkeypatch.setattr(os, "fsync", full)
    asyncio.run(signs_out("ann"))
    assert len(list(folder.iterdir())) == 1
    assert "The audit log is not told that ann has signed out" in caplog.text
