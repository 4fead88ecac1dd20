"""The homes of parts that are containers: each has its own secrets and no other's."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from dotenv import dotenv_values

from alphapulse_lib.errors import SettingsError
from hub import network
from hub.prepare import prepare

TOLD = {
    "ALPHAPULSE_USERS": "ann",
    "ALPHAPULSE_ALPACA_KEY": "vendor's \\ key",
    "ALPHAPULSE_ALPACA_SECRET": "vendor's secret",
    "ALPHAPULSE_AUTH_CLIENT_SECRET": "provider's secret",
    "PATH": "/bin",
}
PARTS = {"hub", "proxy", "api", "worker", "dashboards", "guard"}


def quiet(_line: str) -> None:
    pass


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample_catalog: Path) -> Path:
    monkeypatch.setenv("ALPHAPULSE_CATALOG", str(sample_catalog))  # which is not filled, since it is
    return tmp_path / "homes"


def test_each_part_is_given_its_own_and_nothing_else(homes: Path):
    prepare(homes, dict(TOLD), quiet)
    held = json.loads((homes / "hub" / "keys.json").read_text())
    passwords = {each.name: each.read_text() for each in (homes / "database" / "passwords").iterdir()}
    secrets = {**held, **passwords, **{name: TOLD[name] for name in TOLD if "ALPACA" in name or "SECRET" in name}}
    assert len(set(secrets.values())) == len(secrets)
    allowed = {
        "hub": {*held, "hub", "ALPHAPULSE_AUTH_CLIENT_SECRET"},
        "proxy": {"proxy_token"},
        "api": {"api_token", "api"},
        "worker": {"worker_token", "api", "worker"},
        "dashboards": {"dashboards_token"},
        "guard": set(),
    }
    for part in PARTS:
        files = [each for each in (homes / part).rglob("*") if each.is_file()]
        text = json.dumps(dict(dotenv_values(homes / part / ".env")))
        text += "".join(each.read_text() for each in files if each.name != ".env")
        found = {name for name, secret in secrets.items() if secret in text or json.dumps(secret)[1:-1] in text}
        assert found == allowed[part], part
        private = [each for each in files if each.name != "network.json"]
        assert {stat.S_IMODE(each.stat().st_mode) for each in private} == {0o600}
        assert dotenv_values(homes / part / ".env")["ALPHAPULSE_USERS"] == "ann"
        assert network.read(homes / part / "run" / "network.json") == network.apart()


def test_vendors_keys_are_sealed_and_what_opens_them_lies_apart(homes: Path):
    prepare(homes, dict(TOLD), quiet)
    names = ("ALPHAPULSE_ALPACA_KEY", "ALPHAPULSE_ALPACA_SECRET")
    wanted = {name: TOLD[name] for name in names}
    master = (homes / "master" / "master.key").read_text()
    assert opened(homes, master) == wanted
    for file in [each for each in homes.rglob("*") if each.is_file()]:
        content = file.read_text(errors="replace")
        assert file == homes / "master" / "master.key" or master.strip() not in content, file
        assert not any(value in content for value in wanted.values()), file
    sealed = (homes / "worker" / "worker" / "vendors.sealed").read_bytes()
    prepare(homes, dict(TOLD), quiet)
    prepare(homes, {"ALPHAPULSE_USERS": "ann"}, quiet)
    assert (homes / "worker" / "worker" / "vendors.sealed").read_bytes() == sealed, "what is not named stays"
    (homes / "worker" / ".env").write_text("ALPHAPULSE_ALPACA_KEY='as it was kept before'\n")
    prepare(homes, dict(TOLD) | dict.fromkeys(names, "another"), quiet)
    assert opened(homes, master) == dict.fromkeys(names, "another")
    assert "ALPACA" not in (homes / "worker" / ".env").read_text()


def opened(homes: Path, master: str) -> dict[str, str]:
    """What is sealed, by the library that sealed it and nothing of ours."""
    return dict(
        json.loads(Fernet(master.strip()).decrypt((homes / "worker" / "worker" / "vendors.sealed").read_bytes()))
    )


def test_another_time_the_secrets_are_those_of_the_first_and_the_settings_the_new_ones(homes: Path):
    prepare(homes, dict(TOLD), quiet)
    names = ("hub/keys.json", "api/keys.json", "worker/pgpass", "database/passwords/hub")
    before = {name: (homes / name).read_text() for name in names}
    prepare(homes, {"ALPHAPULSE_USERS": "ann,bob"}, quiet)
    assert {name: (homes / name).read_text() for name in names} == before
    assert dict(dotenv_values(homes / "worker" / ".env")) == {"ALPHAPULSE_USERS": "ann,bob"}


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"ALPHAPULSE_CATALOG": "s3://bucket/catalog"}, "ALPHAPULSE_CATALOG is set"),
        ({"ALPHAPULSE_DATASETS": "/somewhere"}, "ALPHAPULSE_DATASETS is set"),
        ({"ALPHAPULSE_MASTER_KEY_FILE": "/etc/master"}, "ALPHAPULSE_MASTER_KEY_FILE is set"),
        ({"ALPHAPULSE_AUTH_CLIENT_SECRET_FILE": "/etc/secret"}, "ALPHAPULSE_AUTH_CLIENT_SECRET_FILE is set"),
        ({"ALPHAPULSE_WORKSPACE_MEMORY": "much"}, "ALPHAPULSE_WORKSPACE_MEMORY: "),
        ({"ALPHAPULSE_PUBLISHERS": "eve"}, "eve, who may not sign in"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_made(homes: Path, told: dict[str, str | None], says: str):
    with pytest.raises(SettingsError, match=says):
        prepare(homes, told, quiet)
    assert not homes.exists()
