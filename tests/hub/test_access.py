"""Who may sign in, and how workspaces start: what JupyterHub is told, and what is refused before it starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from jupyterhub.authenticators.shared import SharedPasswordAuthenticator
from traitlets.config import Config

from alphapulse_lib.errors import HubError, SettingsError
from alphapulse_lib.settings import Settings
from hub import access, spawner
from hub.keys import Keys


def authenticator(**chosen: str) -> SharedPasswordAuthenticator:
    config = Config()
    access.configure(config, Settings(**chosen), Keys())
    return SharedPasswordAuthenticator(config=config)


def test_names_are_trimmed_folded_and_told_apart():
    chosen = Settings(admins=" Ann, bob ", users="bob, Carol,,")
    assert access.admins(chosen) == {"ann", "bob"}
    assert access.users(chosen) == {"carol"}


def test_a_star_lets_any_name_in():
    assert access.users(Settings(users="*")) == set()
    assert authenticator(users="*").allow_all
    assert not authenticator(users="carol").allow_all


@pytest.mark.parametrize("name", ["ann", "ann.b-c_d@example.org", "0day"])
def test_a_fit_name_passes(name: str):
    assert authenticator().validate_username(name)


@pytest.mark.parametrize("name", ["..", ".ssh", "a/b", "../ann", "-rf", "", "a b", "ann\n", "a" * 201, "änn"])
def test_a_name_that_would_climb_out_of_its_folder_is_refused(name: str):
    assert not authenticator().validate_username(name)


def test_nobody_at_all_is_refused():
    with pytest.raises(SettingsError, match="both empty"):
        access.check(Settings(admins="", users=""))


def test_administrators_and_the_named_may_publish_and_a_stranger_is_refused():
    chosen = Settings(admins="ann", users="bob,carol", publishers=" Carol ")
    held = access.holders(chosen)
    assert (held["admin"].names, held["publisher"].names) == ({"ann"}, {"carol"})
    access.check(chosen)
    access.check(Settings(users="*", publishers="anybody"))
    with pytest.raises(SettingsError, match="ALPHAPULSE_PUBLISHERS or ALPHAPULSE_ROLES names dora, who may not"):
        access.check(Settings(users="bob", publishers="dora"))


def test_an_unknown_authenticator_is_refused_with_the_nearest():
    with pytest.raises(SettingsError, match="ALPHAPULSE_AUTH='pasword'") as refused:
        access.check(Settings(auth="pasword"))
    assert "Did you mean" in refused.value.hint
    assert "password" in refused.value.hint


def test_an_unknown_spawner_is_refused_with_the_nearest():
    with pytest.raises(SettingsError, match="ALPHAPULSE_SPAWNER='proces'") as refused:
        spawner.check(Settings(spawner="proces"))
    assert "Did you mean process" in refused.value.hint


@pytest.mark.parametrize("name", ["process", "simple", "localprocess", "my.own.Spawner"])
def test_a_spawner_jupyterhub_knows_is_taken(name: str):
    spawner.check(Settings(spawner=name))


def test_plain_processes_say_on_every_page_that_they_do_not_isolate():
    config = Config()
    spawner.configure(config, Settings())
    assert "nothing isolates" in config.JupyterHub.template_vars["announcement"]
    other = Config()
    spawner.configure(other, Settings(spawner="simple"))
    assert "template_vars" not in other.JupyterHub


def test_containers_say_what_is_reached_from_them_while_the_hub_is_in_none():
    config = Config()
    spawner.configure(config, Settings(spawner="docker"))
    assert "every port that this machine opens" in config.JupyterHub.template_vars["announcement"]
    walled = Config()
    spawner.configure(walled, Settings(spawner="docker", docker_hub="hub", docker_proxy="proxy"))
    assert "announcement" not in walled.JupyterHub.template_vars


def test_containers_are_refused_where_none_could_reach_the_hub_or_docker_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    with pytest.raises(SettingsError, match=r"listens on 127\.0\.0\.1 alone") as refused:
        spawner.check(Settings(spawner="docker"))
    assert "ALPHAPULSE_ADDRESS=0.0.0.0" in refused.value.hint
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 'nobody.sock'}")
    with pytest.raises(HubError, match=r"Docker does not answer at .*nobody"):
        spawner.check(Settings(spawner="docker", address="0.0.0.0"))
