"""What is set of an identity provider: refused by name where it cannot work, and what JupyterHub is told of it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.web import HTTPError
from traitlets.config import Config

from alphapulse_lib.errors import SettingsError
from alphapulse_lib.settings import Settings
from hub import access
from hub.authenticator import authenticator
from hub.keys import Keys
from hub.sign_in import discovery
from hub.sign_in.accounts import GitHub
from hub.sign_in.openid import OpenIDAuthenticator
from hub.sign_in.provider import KINDS

GOOD = {"auth_client_id": "alphapulse", "auth_client_secret": "hush-hush", "admins": "ann@example.org"}


class Door(BaseHTTPRequestHandler):
    """Answers every question with the server's `told`."""

    def do_GET(self) -> None:
        told = json.dumps(self.server.told).encode()
        self.send_response(getattr(self.server, "status", 200))
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def door() -> Iterator[Any]:
    """A provider's document, which the test may change."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.url = f"http://127.0.0.1:{server.server_port}"
    server.told = {
        "issuer": server.url,
        "authorization_endpoint": f"{server.url}/auth",
        "token_endpoint": f"{server.url}/token",
        "userinfo_endpoint": f"{server.url}/me",
        "jwks_uri": f"{server.url}/jwks",
        "end_session_endpoint": f"{server.url}/end",
    }
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def made(**chosen: Any) -> Any:
    """The authenticator that JupyterHub makes of the settings."""
    config = Config()
    settings = Settings(**chosen)
    access.configure(config, settings, Keys())
    return authenticator(KINDS[settings.auth].authenticator)(config=config)


REFUSED = [
    ({"auth": "github", "auth_client_id": ""}, "ALPHAPULSE_AUTH_CLIENT_ID is not set"),
    ({"auth": "google", "auth_client_secret": ""}, "ALPHAPULSE_AUTH_CLIENT_SECRET is not set"),
    ({"auth": "google", "admins": "ann"}, "ann is named by .* known by their e-mail addresses"),
    ({"auth": "google", "users": "*"}, "lets in whoever has an account of Google's"),
    ({"auth": "github", "users": "*"}, "lets in whoever has an account of GitHub's"),
    ({"auth": "google", "auth_allowed": "acme"}, "ALPHAPULSE_AUTH_ALLOWED names 'acme', and takes domains"),
    ({"auth": "oidc", "auth_allowed": "acme"}, "ALPHAPULSE_AUTH_ALLOWED names 'acme', and takes domains"),
    ({"auth": "google", "roles": "publisher=@desk"}, "names the group @desk, and Google does not tell groups"),
    ({"auth": "oidc", "auth_issuer": ""}, "ALPHAPULSE_AUTH_ISSUER='' is no https address"),
    ({"auth": "oidc", "auth_issuer": "http://login.example.org"}, "no https address"),
    ({"auth": "github", "auth_issuer": "github.example.org"}, "no https address"),
    ({"auth": "password", "roles": "publisher=@desk"}, "ALPHAPULSE_AUTH=password knows no groups"),
    ({"auth": "password", "roles": "publisher"}, "'publisher', which gives nobody a role"),
    ({"auth": "password", "roles": "publisher=@"}, "'publisher=@', which gives nobody a role"),
    ({"auth": "password", "roles": "publsher=ann"}, "the role 'publsher', which there is not"),
    ({"auth": "password", "roles": "publisher=zoe"}, "names zoe, who may not sign in"),
]


@pytest.mark.parametrize(("wrong", "says"), REFUSED)
def test_what_cannot_work_is_refused_by_name(wrong: dict[str, str], says: str):
    with pytest.raises(SettingsError, match=says) as refused:
        access.check(Settings(**(GOOD | wrong)))
    assert refused.value.hint and "hush-hush" not in str(refused.value) + refused.value.hint


@pytest.mark.parametrize("auth", KINDS)
def test_the_default_administrator_is_nobody_of_a_provider(auth: str):
    with pytest.raises(SettingsError, match="ALPHAPULSE_ADMINS is not set"):
        access.check(Settings(auth=auth, auth_client_id="alphapulse", auth_client_secret="hush-hush"))


def test_a_secret_may_lie_in_a_file(tmp_path: Path):
    path = tmp_path / "secret"
    plain = {"auth": "github", "auth_client_id": "alphapulse", "admins": "ann", "auth_client_secret_file": path}
    with pytest.raises(
        SettingsError, match=r"ALPHAPULSE_AUTH_CLIENT_SECRET_FILE='.*secret' cannot be read: No such file"
    ):
        access.check(Settings(**plain))
    path.write_text("hush-hush\n")
    access.check(Settings(**plain))
    assert made(**plain).client_secret == "hush-hush"


def test_an_issuer_that_is_away_or_another_or_no_openid_provider_is_refused(door: Any, tmp_path: Path):
    chosen = Settings(auth="oidc", auth_issuer=door.url, home=tmp_path, **GOOD)
    access.check(chosen)
    door.told = {"issuer": door.url}
    with pytest.raises(SettingsError, match="its document names no authorization_endpoint, token_endpoint"):
        access.check(chosen)
    door.told = dict.fromkeys(
        ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "issuer"),
        "https://evil.example.org",
    )
    with pytest.raises(SettingsError, match=r"calls itself 'https://evil\.example\.org'"):
        access.check(chosen)
    door.shutdown()
    door.server_close()
    with pytest.raises(SettingsError, match="does not answer as an OpenID provider") as refused:
        access.check(chosen)
    assert f"curl {door.url}/.well-known/openid-configuration" in refused.value.hint


def test_a_hub_that_knows_the_provider_starts_while_it_is_away(door: Any, tmp_path: Path):
    (tmp_path / "hub").mkdir()
    plain = {"auth": "oidc", "auth_issuer": door.url, "home": tmp_path, **GOOD}
    first = made(**plain)
    door.shutdown()
    door.server_close()
    again = made(**plain)
    assert again.token_url == first.token_url == f"{door.url}/token"
    with pytest.raises(SettingsError, match="does not answer"):
        discovery.discover(Settings(**(plain | {"auth_issuer": "http://127.0.0.1:1"})))


def test_openid_is_told_by_the_settings(door: Any, tmp_path: Path):
    (tmp_path / "hub").mkdir()
    told = made(
        **{"auth": "oidc", "auth_issuer": door.url, "home": tmp_path, **GOOD},
        auth_allowed="Example.org, @Desk",
        auth_name="preferred_username",
        auth_groups="realm.roles",
        auth_scopes="openid offline_access",
        auth_label="Example Bank",
        roles="admin=@platform,publisher=bob",
    )
    assert (told.client_id, told.issuer, told.keys_url) == ("alphapulse", door.url, f"{door.url}/jwks")
    assert (told.username_claim, told.auth_state_groups_key) == ("preferred_username", "oauth_user.realm.roles")
    assert (told.domains, told.allowed_groups, told.admin_groups) == ({"example.org"}, {"Desk"}, {"platform"})
    assert (told.scope, told.extra_authorize_params) == (["openid", "offline_access"], {"prompt": "consent"})
    assert told.login_service == "Example Bank" and told.logout_redirect_url == f"{door.url}/end?client_id=alphapulse"
    assert told.enable_auth_state and told.auth_refresh_strict and 0 < told.auth_refresh_age <= 30
    assert told.enable_pkce and not told.allow_all and not told.allow_existing_users


def test_github_and_google_are_told_by_the_settings():
    github = made(
        auth="github", auth_allowed="Acme, acme:desk", roles="admin=@acme:platform", **(GOOD | {"admins": "ann"})
    )
    assert github.allowed_organizations == {"acme", "acme:desk"} and github.scope == ["read:org"]
    assert github.populate_teams_in_auth_state and github.admin_groups == {"acme:platform"}
    assert github.authorize_url == "https://github.com/login/oauth/authorize"
    own = made(auth="github", auth_issuer="https://git.example.org/", **(GOOD | {"admins": "ann"}))
    assert own.userdata_url == "https://git.example.org/api/v3/user"
    google = made(auth="google", auth_allowed="example.org", **GOOD)
    assert google.domains == {"example.org"} and not google.strip_domain and not google.manage_groups
    assert google.extra_authorize_params == {"access_type": "offline"}


def test_github_s_groups_are_named_in_any_case():
    held = access.holders(Settings(auth="github", roles="trader=@Acme:Desk"))
    assert held["trader"].groups == {"acme:desk"}
    assert access.holders(Settings(auth="oidc", roles="trader=@Desk"))["trader"].groups == {"Desk"}


def test_an_account_is_known_by_what_nobody_else_is_given():
    github = made(auth="github", auth_allowed="acme", **(GOOD | {"admins": "ann"}))
    google = made(auth="google", auth_allowed="example.org", **GOOD)
    tokens = {"access_token": "x"}
    before, renamed = ({"login": login, "id": 583231} for login in ("ann", "ann-smith"))
    kept = [github.build_auth_state_dict(tokens, each) for each in (before, renamed, {"login": "ann", "id": 99})]
    assert [github._account(each) for each in kept] == ["583231", "583231", "99"]
    assert google._account(google.build_auth_state_dict(tokens, {"email": "ann@example.org", "id": "10"})) == "10"
    assert kept[0]["provider"] == "https://api.github.com/user"
    assert github._account({"oauth_user": {"sub": "583231"}}) == "", "another provider's is none of this one's"


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ("groups", {"groups": ["desk"]}),
        ("realm_access.roles", {"realm_access": {"roles": ["desk"]}}),
        ("https://acme.example.org/groups", {"https://acme.example.org/groups": ["desk"]}),
        ("groups", {"groups": "desk"}),
    ],
)
def test_groups_are_read_wherever_a_provider_has_them(door: Any, tmp_path: Path, claim: str, said: dict[str, Any]):
    (tmp_path / "hub").mkdir()
    told = made(**{"auth": "oidc", "auth_issuer": door.url, "home": tmp_path, "auth_groups": claim, **GOOD})
    assert asyncio.run(told.get_user_groups({"oauth_user": said})) == {"desk"}
    assert asyncio.run(told.get_user_groups({"oauth_user": {"sub": "1"}})) == set()
    assert asyncio.run(told.get_user_groups({})) == set()


def test_a_provider_that_gives_no_answer_at_a_sign_in_is_called_so(
    door: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "hub").mkdir()
    config = Config()
    settings = Settings(auth="oidc", auth_issuer=door.url, auth_label="Example Bank", home=tmp_path, **GOOD)
    access.configure(config, settings, Keys())
    monkeypatch.setattr(
        OpenIDAuthenticator, "build_access_tokens_request_params", lambda *_: {"grant_type": "authorization_code"}
    )
    door.shutdown()
    door.server_close()

    async def signing_in() -> None:
        await OpenIDAuthenticator(config=config).get_authenticated_user(None, None)

    with pytest.raises(HTTPError, match="Example Bank does not answer the hub as it should") as refused:
        asyncio.run(signing_in())
    assert refused.value.status_code == 503


@pytest.mark.parametrize(
    ("tokens", "ended"),
    [
        ({"token_response": {"access_token": "x", "token_type": "bearer"}}, True),  # GitHub's own: it never ends
        ({"token_response": {"access_token": "x", "token_type": "bearer", "expires_in": 3600}}, False),
        ({}, False),  # they never signed in by this provider
    ],
)
def test_whose_token_is_refused_that_never_ends_by_itself_loses_their_servers(
    door: Any, tokens: dict[str, Any], ended: bool
):
    door.status = 401
    config = Config()
    access.configure(config, Settings(auth="github", auth_issuer=door.url, **(GOOD | {"admins": "ann"})), Keys())
    stopped: list[str] = []

    async def held() -> dict[str, Any]:
        return tokens

    async def stop(name: str) -> None:
        stopped.append(name)

    running = {"": SimpleNamespace(pending=None, active=True)}
    ann = SimpleNamespace(name="ann", get_auth_state=held, stop=stop, spawners=running)

    async def asked() -> None:
        told = GitHub(config=config)
        assert await told.refresh_user(ann) is False
        await asyncio.gather(*told._ending)

    asyncio.run(asked())
    assert stopped == ([""] if ended else [])
