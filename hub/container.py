"""What a workspace's container runs: ``python -m hub.container serve``, and its health check, ``... healthy``.

The image says where everything lies; whose it is, and where the hub is, its spawner says in the environment.
"""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from hub import team_folders, workspace
from hub.allowance import TEAMS, TEMPORARY

__all__ = ["healthy", "serve"]

_HERE = "http://127.0.0.1:8888"


def serve() -> None:
    """Give the person's folder the notebooks it lacks, and become their server."""
    workspace.fill(Path.home())
    root = Path(TEMPORARY, ".teams")
    team_folders.link(
        Path.home(), root, team_folders.found(root, os.environ.get(team_folders.VARIABLE, ""), Path(TEAMS))
    )
    os.execvp("jupyterhub-singleuser", ["jupyterhub-singleuser"])


def healthy() -> bool:
    """Whether the server answers; it says its version to anybody."""
    told = urllib.parse.urlsplit(os.environ.get("JUPYTERHUB_SERVICE_URL") or _HERE)
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "/")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{told.port or 8888}{prefix}api", timeout=4) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


if __name__ == "__main__":
    if sys.argv[1:] == ["healthy"]:
        sys.exit(not healthy())
    serve()
