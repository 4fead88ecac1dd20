"""Sign-ins that cannot be noted: nobody comes in by them, and is told so."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from tornado.httputil import HTTPHeaders
from tornado.web import HTTPError
from traitlets.config import Config

from alphapulse_lib.settings import Settings
from hub import access, noted
from hub.authenticator import authenticator
from hub.keys import Keys
from hub.outbox import Outbox


def test_nobody_comes_in_of_whom_that_cannot_be_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    held, config = Keys(), Config()
    access.configure(config, Settings(admins="ann"), held)
    door = authenticator("shared-password")(config=config)
    outbox = Outbox(tmp_path / "outbox", "http://127.0.0.1:1", "hub")
    monkeypatch.setattr(noted, "_outbox", lambda: outbox)
    asks = SimpleNamespace(request=SimpleNamespace(headers=HTTPHeaders(), remote_ip="127.0.0.1"))
    typed = {"username": "ann", "password": held.admin_password}

    assert asyncio.run(door.get_authenticated_user(asks, typed))["name"] == "ann"
    assert len(list((tmp_path / "outbox").glob("*.json"))) == 1

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HTTPError, match="Nobody can be signed in now: the hub cannot write") as refused:
        asyncio.run(door.get_authenticated_user(asks, typed))
    assert refused.value.status_code == 503
    assert len(list((tmp_path / "outbox").iterdir())) == 1, "half an entry is left"
