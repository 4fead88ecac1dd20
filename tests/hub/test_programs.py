"""What the supervisor is told."""

from __future__ import annotations

import configparser
import shlex
from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from alphapulse_lib.settings import settings
from hub import programs, vault
from hub.network import Network


def test_the_hub_is_given_the_settings_in_force_wherever_they_were_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / ".env").write_text("ALPHAPULSE_USERS=dora,emil\nALPHAPULSE_PORT=8111\nALPHAPULSE_LOG_LEVEL=DEBUG\n")
    monkeypatch.chdir(tmp_path)
    read = settings()
    assert read.users == "dora,emil"
    monkeypatch.chdir("/")
    for name, value in programs.environment(read).items():
        monkeypatch.setenv(name, value)
    assert settings() == read


def test_a_home_with_spaces_and_per_cent_signs_survives(tmp_path: Path):
    home = tmp_path / "my home 100%s"
    for folder in ("run", "hub", "logs"):
        (home / folder).mkdir(parents=True)
    written = programs.write(home, Network("127.0.0.1", 8000, 8001, 8002, 8003, 8004))
    config = configparser.RawConfigParser()
    config.read(written)
    expand = {"here": "", "program_name": "hub", "process_num": 0, "group_name": "hub"}
    assert config["program:hub"]["stdout_logfile"] % expand == str(home / "logs" / "hub.log")
    words = shlex.split(config["program:proxy"]["command"] % expand)
    assert words[words.index("--error-target") + 1] == "http://127.0.0.1:8002/hub/error"
    assert Path(words[words.index("--storage-backend") + 1]).is_file()


def test_the_worker_alone_is_given_the_keys_of_vendors_and_the_hub_alone_that_of_the_identity_provider(tmp_path: Path):
    for folder in ("run", "hub", "logs"):
        (tmp_path / folder).mkdir()
    written = programs.write(tmp_path, Network("127.0.0.1", 8000, 8001, 8002, 8003, 8004))
    options = ServerOptions()
    options.realize(["--configuration", str(written)])
    given = {
        config.name: config.environment for group in options.process_group_configs for config in group.process_configs
    }
    assert set(given) == set(programs.PROGRAMS)
    for name, environment in given.items():
        taken = {} if name == "worker" else dict.fromkeys(vault.VENDOR_KEYS, "")
        taken |= {} if name == "hub" else {"ALPHAPULSE_AUTH_CLIENT_SECRET": ""}
        assert environment == taken
