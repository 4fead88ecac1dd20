"""Every route there is, and who may go through it: the table `walls.txt`, and what it is checked against."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workspace_routes import methods

__all__ = ["DASHBOARDS", "TABLE", "WHO", "Route", "Row", "api_routes", "dashboard_routes", "hub_routes", "table",
           "unknown", "workspace_routes"]  # fmt: skip

TABLE = Path(__file__).with_suffix(".txt")
#: In the order of the table's columns.
WHO = ("nobody", "expired", "viewer", "other", "owner", "admin")
DASHBOARDS = "/services/dashboards/"
_NOT_ASKED, _LET_IN = "-", "+"
#: The answers of a door that stays shut.
_SHUT = (302, 401, 403)


@dataclass(frozen=True)
class Row:
    """A line of the table: a request, and the status that each may get."""

    method: str
    path: str
    answers: dict[str, str]
    body: str = ""

    def expects(self, who: str, status: int) -> bool:
        """Whether that is the answer."""
        wanted = self.answers[who]
        return status not in _SHUT if wanted == _LET_IN else str(status) in wanted.split("|")

    def asked_by(self, who: str) -> bool:
        """Whether they ask at all."""
        return self.answers[who] != _NOT_ASKED


@dataclass(frozen=True)
class Route:
    """A route as its application has it: a pattern of addresses, and a method."""

    method: str
    pattern: str
    shown: str = ""

    def serves(self, row: Row) -> bool:
        """Whether a line of the table asks it."""
        path = re.sub(r"\{\w+\}", "x", row.path.partition("?")[0])
        return row.method == self.method and re.fullmatch(self.pattern, path) is not None


def table() -> list[Row]:
    """The lines of the table."""
    rows = []
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        words, _, body = line.partition(" <- ")
        method, path, *answers = words.split()
        assert len(answers) == len(WHO), f"{TABLE.name} wants the columns {' '.join(WHO)}: {line}"
        rows.append(Row(method, path, dict(zip(WHO, answers, strict=True)), body.strip()))
    assert len({(row.method, row.path, row.body) for row in rows}) == len(rows), "two lines of the table are the same"
    return rows


def unknown(routes: Iterable[Route], rows: list[Row]) -> list[Route]:
    """The routes that no line asks."""
    return [route for route in routes if not any(route.serves(row) for row in rows)]


def api_routes(document: dict[str, Any]) -> Iterator[Route]:
    """The operations of an OpenAPI document; the table writes their addresses as the document does."""
    for path, operations in document["paths"].items():
        for method in operations:
            yield Route(method.upper(), re.sub(r"\\\{\w+\\\}", "x", re.escape(path)), path)


def hub_routes(prefix: str = "/hub") -> Iterator[Route]:
    """JupyterHub's own, of its application and of whatever sign-in the shared password is."""
    from jupyterhub.apihandlers import default_handlers as api
    from jupyterhub.handlers import default_handlers as pages

    seen: set[tuple[str, str]] = set()
    for pattern, handler, *_ in (*pages, *api):
        for method in methods(handler):
            if (method, pattern) not in seen:
                seen.add((method, pattern))
                yield Route(method, prefix + pattern, prefix + pattern)


def dashboard_routes(folder: Path) -> Iterator[Route]:
    """The dashboards' pages, their websockets, and the files they are made of."""
    from starlette.routing import Route as Http

    from hub.dashboards.app import create
    from hub.dashboards.page import Services
    from hub.dashboards.sign_in import SignIn

    app = create(SignIn("http://127.0.0.1:1/hub/api", "x" * 32), Services("http://127.0.0.1:1", folder))
    for route in app.routes:
        assert isinstance(route, Http), route
        for method in sorted((route.methods or set()) - {"HEAD", "OPTIONS"}):
            yield Route(method, route.path_regex.pattern, route.path)
    (panel,) = app.state._panel_asgi_apps  # which answers before the application's own routes, and lists none there
    served = [*panel._app_routes, *panel._extra_routes]
    for pattern in (each.pattern.removeprefix("^") for each, _ in served):
        method = "WS" if "/ws)" in pattern else "GET"
        yield Route(method, DASHBOARDS.rstrip("/") + pattern, DASHBOARDS.rstrip("/") + pattern)


def workspace_routes(surroundings: dict[str, str], folder: Path) -> list[Route]:
    """Those of the server that serves somebody's workspace, by the variables that it was started with."""
    elsewhere = surroundings | {
        "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:0" + surroundings["JUPYTERHUB_SERVICE_PREFIX"]
    }
    said = subprocess.run(
        [sys.executable, Path(__file__).with_name("workspace_routes.py"), "--allow-root"],
        env=elsewhere, cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    prefix = surroundings["JUPYTERHUB_SERVICE_PREFIX"]
    found = json.loads(said.stdout.splitlines()[-1])
    return [
        Route(method, pattern, pattern)
        for pattern, methods in found
        if pattern.startswith(prefix)
        for method in methods
    ]
