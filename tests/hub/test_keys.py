"""Secrets: made once, long enough for JupyterHub, readable by nobody else."""

from __future__ import annotations

import json
import stat
from dataclasses import asdict
from pathlib import Path

import pytest
from jupyterhub.authenticators.shared import SharedPasswordAuthenticator

from alphapulse_lib.errors import HubError
from hub.keys import Keys, keys, token


def test_they_are_made_once_and_kept_for_the_owner_alone(tmp_path: Path):
    first = keys(tmp_path)
    assert keys(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    assert len(set(asdict(first).values())) == len(asdict(first))


def test_two_homes_have_nothing_in_common(tmp_path: Path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = asdict(keys(tmp_path / "one")), asdict(keys(tmp_path / "two"))
    assert not set(one.values()) & set(two.values())


def test_jupyterhub_takes_the_passwords():
    made = Keys()
    taken = SharedPasswordAuthenticator(admin_password=made.admin_password, user_password=made.user_password)
    assert (taken.admin_password, taken.user_password) == (made.admin_password, made.user_password)
    assert len(bytes.fromhex(made.cookie_secret)) == 32


def test_a_password_that_somebody_chose_is_kept_and_only_what_is_missing_is_made(tmp_path: Path):
    (tmp_path / "keys.json").write_text(json.dumps({"user_password": "correct horse battery"}))
    assert keys(tmp_path).user_password == "correct horse battery"
    assert keys(tmp_path).proxy_token == keys(tmp_path).proxy_token


def test_they_do_not_show_in_a_log():
    made = Keys()
    assert made.admin_password not in repr(made)


def test_a_damaged_file_is_named(tmp_path: Path):
    (tmp_path / "keys.json").write_text("{")
    with pytest.raises(HubError, match=r"keys\.json is damaged"):
        keys(tmp_path)


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ("[]", "damaged"),
        ('{"admin_password": "mysecret"}', "admin_password is not a text of 32 characters"),
        ('{"user_password": 5}', "user_password is not a text of 8 characters"),
    ],
)
def test_what_jupyterhub_would_refuse_is_named_before_it_starts(tmp_path: Path, held: str, said: str):
    (tmp_path / "keys.json").write_text(held)
    with pytest.raises(HubError, match=said):
        keys(tmp_path)


def test_a_part_reads_its_own_and_makes_no_other(tmp_path: Path):
    (tmp_path / "keys.json").write_text(json.dumps({"api_token": "a" * 64}))
    assert token(tmp_path, "api_token") == "a" * 64
    with pytest.raises(HubError, match="has no worker_token"):
        token(tmp_path, "worker_token")
    assert json.loads((tmp_path / "keys.json").read_text()) == {"api_token": "a" * 64}
    with pytest.raises(HubError, match="has no api_token"):
        token(tmp_path / "nowhere", "api_token")
