"""A person at a hub without a browser, who has no server of their own: sign-in, the dashboards, the API."""

from __future__ import annotations

import base64
import re
from typing import Any

import httpx
from running_hub import RunningHub

__all__ = ["SignedIn"]

DASHBOARDS = "/services/dashboards/"


class SignedIn:
    """Somebody who signed in to the hub and went on to the dashboards."""

    def __init__(self, hub: RunningHub, name: str, password: str = "") -> None:
        self.url, self.name = hub.url, name
        self.http = httpx.Client(base_url=hub.url, follow_redirects=True, timeout=60, trust_env=False)
        self.http.get("/hub/login")
        form = {"username": name, "password": password or dict(hub.credentials())[name], "_xsrf": self._xsrf()}
        self.landed = self.http.post(f"/hub/login?next={DASHBOARDS}home", data=form)
        self.landed.raise_for_status()

    def page(self, name: str = "home", **more: Any) -> httpx.Response:
        """A page of the dashboards, redirects not followed."""
        return self.http.get(f"{DASHBOARDS}{name}", follow_redirects=False, **more)

    def page_token(self, name: str = "home") -> str:
        """What the page's script opens its websocket with."""
        found = re.search(r'"token":"([^"]+)"', self.page(name).text)
        assert found is not None
        return found[1]

    def cookies(self) -> str:
        """The cookies that the browser would send to the dashboards."""
        paths = ("/", DASHBOARDS)
        return "; ".join(f"{each.name}={each.value}" for each in self.http.cookies.jar if each.path in paths)

    def cookie(self, name: str) -> Any:
        """One cookie, whole."""
        return next(each for each in self.http.cookies.jar if each.name == name)

    def oauth_token(self) -> str:
        """The token that is signed into the cookie of the dashboards."""
        value = (self.cookie("service-dashboards").value or "").strip('"')
        return base64.b64decode(value.split("|")[4].partition(":")[2]).decode()

    def api_token(self) -> str:
        """A token of the person's own."""
        headers = {"X-XSRFToken": self._xsrf(), "Referer": f"{self.url}/hub/home"}
        asked = self.http.post(f"/hub/api/users/{self.name}/tokens", headers=headers, json={"note": "a test"})
        asked.raise_for_status()
        return str(asked.json()["token"])

    def _xsrf(self) -> str:
        return next(each.value or "" for each in self.http.cookies.jar if each.name == "_xsrf" and each.path == "/hub/")
