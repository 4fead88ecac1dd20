"""A person who uses a hub through plain HTTP: what a browser does, without one."""

from __future__ import annotations

import time
from typing import Any

import httpx
from waiting import until


class Person:
    """Somebody at a hub; `sign_in` first."""

    def __init__(self, url: str, name: str) -> None:
        self.url, self.name = url, name
        self.http = httpx.Client(base_url=url, follow_redirects=True, timeout=120, trust_env=False)

    def sign_in(self, password: str) -> httpx.Response:
        self.http.get("/hub/login")
        form = {"username": self.name, "password": password, "_xsrf": self._xsrf()}
        return self.http.post("/hub/login", data=form)

    def start_server(self, within: float = 240) -> None:
        """Start the person's server, and from here on speak with a token as scripts do."""
        asked = self.http.post(f"/hub/api/users/{self.name}/tokens", headers=self._headers(), json={"note": "a test"})
        asked.raise_for_status()
        self.http = httpx.Client(
            base_url=self.url, timeout=120, trust_env=False, headers={"Authorization": f"token {asked.json()['token']}"}
        )
        self.http.post(f"/hub/api/users/{self.name}/server").raise_for_status()
        deadline = time.monotonic() + within
        while not self.servers().get("", {}).get("ready"):
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.3)

    def stop_server(self, within: float = 120) -> None:
        """Stop the person's server, and wait until the hub says that it is gone."""
        headers = {} if "Authorization" in self.http.headers else self._headers()
        self.http.delete(f"/hub/api/users/{self.name}/server", headers=headers).raise_for_status()
        until(lambda: not self.servers(), within)

    def servers(self) -> dict[str, Any]:
        """The person's servers by name, as the hub tells them; the own one's is empty."""
        headers = {} if "Authorization" in self.http.headers else self._headers()
        return dict(self.http.get(f"/hub/api/users/{self.name}", headers=headers).json()["servers"])

    def own(self, method: str, path: str, **more: Any) -> Any:
        """A request to the person's own server."""
        answer = self.http.request(method, f"/user/{self.name}/api/{path}", **more)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def _xsrf(self) -> str:
        return next(cookie.value or "" for cookie in self.http.cookies.jar if cookie.name == "_xsrf")

    def _headers(self) -> dict[str, str]:
        # The person's own server may have set one of its own meanwhile.
        mine = [cookie for cookie in self.http.cookies.jar if cookie.name == "_xsrf" and cookie.path == "/hub/"]
        xsrf = [cookie.value or "" for cookie in mine]
        return {"X-XSRFToken": xsrf[-1], "Referer": f"{self.url}/hub/home"}
