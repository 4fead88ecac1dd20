"""Which settings changed between two starts of a hub, for the audit log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from alphapulse_lib.settings import Settings
from hub import deeds
from hub.outbox import Outbox


def test_what_changed_since_the_last_start_is_told_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "hub" / "outbox"
    outbox = Outbox(folder, "http://127.0.0.1:1", "hub")
    monkeypatch.setattr(deeds, "outbox", lambda: outbox)

    def started(**given: Any) -> dict[str, Any] | None:
        deeds.tell_settings(Settings(_env_file=None, home=tmp_path, auth_client_secret="canary", **given))
        found = [json.loads(each.read_text()) for each in folder.glob("*.json")]
        for each in folder.glob("*.json"):
            each.unlink()
        assert "canary" not in str(found)
        assert [each["action"] for each in found] in ([], ["settings.changed"])
        return found[0]["detail"] if found else None

    first = started(roles="reviewer=ann")
    assert first is not None and first["roles"] == "reviewer=ann" and first["disk_limit"] == 0
    assert started(roles="reviewer=ann") is None
    assert started(roles="reviewer=bob", disk_limit=700) == {"roles": "reviewer=bob", "disk_limit": 700}
    (tmp_path / "hub" / "settings.told").write_text("{")
    assert started(disk_limit=700) == first | {"roles": "", "disk_limit": 700}, "nobody knows: all is told anew"
