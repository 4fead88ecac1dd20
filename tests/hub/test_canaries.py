"""What every test of a real hub ends with, tried on a folder in which secrets lie open."""

from __future__ import annotations

import json
from pathlib import Path

import canaries


def test_a_secret_is_found_wherever_it_lies_open_and_where_it_is_kept_it_may_be(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps({"api_token": "a" * 64, "user_password": "short"}))
    given = {"ALPHAPULSE_ALPACA_SECRET": "b" * 40, "ALPHAPULSE_USERS": "c" * 40, "HOME": "d" * 40}
    planted = canaries.secrets(tmp_path, given)
    assert planted == {"api_token": "a" * 64, "ALPHAPULSE_ALPACA_SECRET": "b" * 40}
    assert canaries.found(tmp_path, planted) == []
    (tmp_path / "logs").mkdir()
    (tmp_path / "users" / "bob").mkdir(parents=True)
    (tmp_path / "logs" / "hub.log").write_text(f"Authorization: token {'a' * 64}\n")
    (tmp_path / "users" / "bob" / "run.ipynb").write_bytes(b"\x00" + b"b" * 40)
    (tmp_path / "users" / "bob" / "keys.json").write_text("a" * 64)
    assert canaries.found(tmp_path, planted) == [
        "logs/hub.log: api_token",
        "users/bob/keys.json: api_token",
        "users/bob/run.ipynb: ALPHAPULSE_ALPACA_SECRET",
    ]


def test_a_hub_without_secrets_has_none_to_lose(tmp_path: Path) -> None:
    assert canaries.secrets(tmp_path, {}) == {}
    (tmp_path / "keys.json").write_text("{damaged")
    assert canaries.secrets(tmp_path, {}) == {}
