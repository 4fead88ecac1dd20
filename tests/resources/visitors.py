"""Those who come to a hub's doors with what each of them holds, and what they ask about."""

from __future__ import annotations

import itertools
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import small_runs
from running_hub import RunningHub
from signed_in import SignedIn
from walls import DASHBOARDS, Row

from alphapulse_lib.hub_client import Client
from alphapulse_lib.results.ledger import Ledger
from hub.dashboards.sign_in import BELIEVED

__all__ = ["Belongings", "Visitor", "comers"]

#: What a browser sends to open a websocket.
_UPGRADE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}  # fmt: skip


@dataclass
class Visitor:
    """Somebody with a token for programs' doors, and the cookies of a browser for those of pages."""

    url: str
    token: str = ""
    cookies: httpx.Cookies | None = None

    def ask(self, http: httpx.Client, row: Row, path: str) -> tuple[int, bytes]:
        """The status of the answer, and what it says; nothing of one that goes on for ever."""
        headers = dict(_UPGRADE, Origin=self.url) if row.method == "WS" else {}
        body = row.body or ("{}" if row.method in ("POST", "PUT", "PATCH") else "")
        if body:
            kind = "application/json" if body[0] in "{[" else "application/x-www-form-urlencoded"
            headers["Content-Type"] = kind
        method = "GET" if row.method == "WS" else row.method
        headers |= self._held(path)
        with http.stream(method, f"{self.url}{path}", headers=headers, content=body or None) as answer:
            http.cookies.clear()  # each request is somebody's own
            goes_on = answer.status_code == 101 or "event-stream" in answer.headers.get("content-type", "")
            return answer.status_code, b"" if goes_on else answer.read()

    def _held(self, path: str) -> dict[str, str]:
        if not _is_page(path):
            return {"Authorization": f"Bearer {self.token}"} if self.token else {}
        sent = [each for each in (self.cookies or httpx.Cookies()).jar if path.startswith(each.path)]
        xsrf = next((each.value or "" for each in sent if each.name == "_xsrf"), "")
        cookies = "; ".join(f"{each.name}={each.value}" for each in sent)
        return {"Cookie": cookies, "X-XSRFToken": xsrf, "Referer": f"{self.url}/hub/home"}


def _is_page(path: str) -> bool:
    """Whether cookies open it; programs' doors take tokens alone."""
    return path.startswith((DASHBOARDS, "/hub/api/oauth2/authorize")) or (
        path.startswith("/hub") and not re.match("/hub(/api|/metrics)", path)
    )


def comers(hub: RunningHub, owner: str, other: str, viewer: str) -> dict[str, Visitor]:
    """Everybody that the table has a column for."""
    names = {"owner": owner, "other": other, "viewer": viewer, "admin": "admin"}
    sessions = {name: SignedIn(hub, each) for name, each in names.items()}
    found = {name: Visitor(hub.url, each.api_token(), each.http.cookies) for name, each in sessions.items()}
    ended = SignedIn(hub, owner)
    short = _token(ended, expires_in=1)
    gone = _without_sign_in(ended.http.cookies)
    ended.http.get("/hub/logout")  # which ends the token that is signed into the cookie of the dashboards
    time.sleep(BELIEVED + 1)  # for so long may the dashboards take somebody for signed in who is not
    return {
        "nobody": Visitor(hub.url),
        "expired": Visitor(hub.url, short, gone),
        **found,
    }


def _token(somebody: SignedIn, **wanted: Any) -> str:
    headers = {"X-XSRFToken": somebody._xsrf(), "Referer": f"{somebody.url}/hub/home"}
    asked = somebody.http.post(f"/hub/api/users/{somebody.name}/tokens", headers=headers, json=wanted)
    asked.raise_for_status()
    return str(asked.json()["token"])


def _without_sign_in(cookies: httpx.Cookies) -> httpx.Cookies:
    """What the services of the hub were given, without what the hub itself knows somebody by."""
    kept = httpx.Cookies()
    for each in cookies.jar:
        if not each.name.startswith("jupyterhub-hub-login"):
            kept.set(each.name, each.value or "", domain=each.domain, path=each.path)
    return kept


class Belongings:
    """What is the owner's: made when the table first names it, and anew for each request that may change it."""

    def __init__(self, http: httpx.Client, url: str, owner: Visitor, admin: Visitor, folder: Path, name: str) -> None:
        self._http, self._url, self._owner, self._admin = http, url, owner, admin
        self._folder, self._who = folder, name
        self._numbers = itertools.count()
        self._kept: dict[str, str] = {}

    def fill(self, row: Row) -> str:
        """The row's address with what it names."""
        path = row.path
        for name in re.findall(r"\{(\w+)\}", path):
            path = path.replace(f"{{{name}}}", self._one(name, row))
        return path

    def _one(self, name: str, row: Row) -> str:
        if name == "owner":
            return self._who
        if name == "firing_id":
            name = "backtest" if "backtests" in row.path else "firing"
        if row.method in ("GET", "WS") and name in self._kept:
            return self._kept[name]
        made: str = getattr(self, f"_{name}")()
        return self._kept.setdefault(name, made) if row.method in ("GET", "WS") else made

    def _post(self, path: str, body: Any, who: Visitor | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {(who or self._owner).token}"}
        answer = self._http.post(f"{self._url}{path}", headers=headers, json=body)
        answer.raise_for_status()
        return dict(answer.json()) if answer.text.startswith("{") else {}

    def _comment_id(self) -> str:
        new = {"target": "instrument:AAPL.XNAS", "body": "mine"}
        return str(self._post("/services/api/v1/comments", new)["id"])

    def _schedule_id(self) -> str:
        new = {"notebook": "nothing.ipynb", "cron": "0 0 1 1 *", "timezone": "UTC"}
        self._kept["schedule"] = str(self._post("/services/api/v1/schedules", new)["id"])
        return self._kept["schedule"]

    def _firing(self) -> str:
        return str(self._post(f"/services/api/v1/schedules/{self._kept['schedule']}/fire", {})["id"])

    def _backtest(self) -> str:
        return str(self._post("/services/api/v1/backtests", {"notebook": "nothing.ipynb"})["id"])

    def _ingest_id(self) -> str:
        new = {"provider": "alpaca", "symbols": ["AAPL"], "period": "1d", "start": "2020-01-02"}
        return str(self._post("/services/api/v1/ingests", new)["id"])

    def _run_id(self) -> str:
        if "run" not in self._kept:
            run = small_runs.kept(Ledger(self._folder), user=self._who)
            with Client(f"{self._url}/services/api", self._owner.token) as api:
                api.runs.append(run)
            self._kept["run"] = run.id
        return self._kept["run"]

    def _rendering_id(self) -> str:
        new = {"notebook": "mine.ipynb", "html": "<p>mine</p>"}
        return str(self._post("/services/api/v1/renderings", new)["id"])

    def _share_id(self) -> str:
        new = {"subject": self._run_id(), "audience": "admin"}
        return str(self._post("/services/api/v1/shares", new)["id"])

    def _dashboard_id(self) -> str:
        other = small_runs.kept(Ledger(self._folder), user=self._who, parameters={"fast": 7, "slow": 30})
        with Client(f"{self._url}/services/api", self._owner.token) as api:
            api.runs.append(other)
        new = {"kind": "dashboard", "subject": f"{self._run_id()},{other.id}", "audience": "admin"}
        return str(self._post("/services/api/v1/shares", new)["subject"])

    def _name(self) -> str:
        return "equity.parquet"

    def _upload(self) -> str:
        return f"{next(self._numbers):032x}"

    def _token(self) -> str:
        return str(self._post(f"/hub/api/users/{self._who}/tokens", {})["id"])

    def _somebody(self) -> str:
        name = f"somebody-{next(self._numbers)}"
        self._post(f"/hub/api/users/{name}", {}, self._admin)
        return name
