"""Roles as data: the page that is made of them, what JupyterHub is told, and who has which."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from jupyterhub import orm
from jupyterhub.app import JupyterHub
from jupyterhub.scopes import _check_scopes_exist, define_custom_scopes
from jupyterhub.utils import maybe_future
from traitlets.config import Config

from alphapulse_lib.errors import SettingsError
from alphapulse_lib.settings import PROJECT, Settings
from hub import access, own_database, roles, services
from hub.keys import Keys
from hub.network import Network


def test_the_page_is_what_the_table_says():
    page = (PROJECT / "docs" / "reference" / "roles.md").read_text()
    assert page == roles.page(), "run: python -m hub.roles > docs/reference/roles.md"


def test_writing_includes_reading_and_every_scope_is_somebody_s():
    for scope, told in roles.SCOPES.items():
        assert told["description"].endswith(".")
        if scope.endswith(":write"):
            assert told["subscopes"] == [scope.replace(":write", ":read")]
    assert roles.expanded("admin") == set(roles.SCOPES)


@pytest.mark.parametrize("name", roles.ROLES)
def test_a_role_names_only_roles_before_it_and_scopes_that_jupyterhub_knows(name: str):
    define_custom_scopes(roles.SCOPES)
    _check_scopes_exist(roles.scopes_of(name), who_for=name)
    before = list(roles.ROLES)[: list(roles.ROLES).index(name)]
    assert set(roles.ROLES[name].includes) <= set(before)


def test_a_viewer_has_no_workspace_and_writes_nothing():
    held = roles.scopes_of("viewer")
    assert "self" not in held and not [each for each in held if each.endswith((":write", ":publish"))]
    assert {"self", *held} < set(roles.scopes_of("researcher"))


def test_jupyterhub_is_told_who_has_which():
    chosen = Settings(
        admins="Ann", users="bob,carl,dora", everybody="viewer", publishers="dora",
        roles="researcher=Bob, researcher=@Quants,trader=@desk,admin=@platform",
    )  # fmt: skip
    told = {each["name"]: each for each in roles.roles(chosen.everybody, access.holders(chosen))}
    assert told["user"]["scopes"] == roles.scopes_of("viewer")
    assert (told["researcher"]["users"], told["researcher"]["groups"]) == (["bob"], ["Quants"])
    assert (told["administrator"]["users"], told["administrator"]["groups"]) == (["ann"], ["platform"])
    assert (told["publisher"]["users"], told["trader"]["groups"], told["reviewer"]["users"]) == (["dora"], ["desk"], [])
    assert told["admin"] == {"name": "admin", "users": ["ann"]}  # JupyterHub's own, which takes no other scopes


def test_who_is_named_no_more_has_lost_the_role_when_the_hub_starts_again(tmp_path: Path):
    before = started(tmp_path, admins="ann,bob", users="carl", publishers="carl", roles="reviewer=carl")
    assert before["ann"] == before["bob"] == {"admin", "administrator", "user"}
    assert before["carl"] == {"publisher", "reviewer", "user"}
    after = started(tmp_path, admins="ann", users="bob,carl", everybody="viewer", roles="trader=bob")
    assert after == {"ann": {"admin", "administrator", "user"}, "bob": {"trader", "user"}, "carl": {"user"}}


def started(folder: Path, **chosen: str) -> dict[str, set[str]]:
    """Everybody's roles in the database of a JupyterHub that starts with these settings."""
    (folder / "hub").mkdir(exist_ok=True)
    settings = Settings(home=folder, **chosen)
    config, held = Config(), Keys()
    own_database.configure(config, settings)
    access.configure(config, settings, held)
    services.configure(config, settings, Network("127.0.0.1", *range(8000, 8005)), held)

    async def read() -> dict[str, set[str]]:
        hub = JupyterHub(config=config)
        for step in ("secrets", "db", "hub", "proxy", "oauth", "role_creation", "users", "groups", "services"):
            await maybe_future(getattr(hub, f"init_{step}")())
        await hub.init_api_tokens()
        await hub.init_role_assignment()
        everybody = hub.db.query(orm.User).all()
        assert {each.name for each in everybody if each.admin} == access.admins(settings)
        found = {each.name: {role.name for role in each.roles} for each in everybody}
        hub.db.close()
        return found

    try:
        return asyncio.run(read())
    finally:
        JupyterHub.clear_instance()


def test_a_role_that_gives_nothing_is_refused_for_who_set_it_meant_less():
    with pytest.raises(
        SettingsError, match="gives viewer to carl, and ALPHAPULSE_EVERYBODY=researcher gives everybody"
    ):
        access.check(Settings(users="carl", roles="viewer=carl"))
    access.check(Settings(users="carl", everybody="viewer", roles="researcher=carl"))
    with pytest.raises(SettingsError, match="ALPHAPULSE_EVERYBODY=reviewer gives everybody"):
        access.check(Settings(users="carl", everybody="reviewer", roles="researcher=carl"))
