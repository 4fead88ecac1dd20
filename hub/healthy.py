"""``python -m hub.healthy PART``: whether a part that is a container is well, asked at its own door.

It is asked every few seconds of each, so it loads nothing but what comes with Python, and for the worker PostgreSQL's
client: a worker listens nowhere, and says in the database that it lives.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

__all__ = ["DOORS", "answers", "beats"]

_PATIENCE = 10.0  # seconds
_SILENCE = 30 * 10**9  # nanoseconds

#: Of each part the address at which it says that it is well, of the ports and names in ``run/network.json``.
DOORS = {
    "proxy": "http://{hosts[proxy]}:{proxy_port}/api/routes",
    "hub": "http://{hosts[hub]}:{hub_port}/hub/health",
    "api": "http://{hosts[api]}:{api_port}/services/api/health",
    "dashboards": "http://{hosts[dashboards]}:{dashboards_port}/services/dashboards/health",
    "guard": "http://guard.docker:2375/_ping",
}


def answers(part: str, home: Path) -> bool:
    """Whether it answers; the proxy is asked with its token, which is in its home."""
    at = json.loads((home / "run" / "network.json").read_text(encoding="utf-8"))
    asked = urllib.request.Request(DOORS[part].format(**at))  # noqa: S310  an address of our own
    if part == "proxy":
        held = json.loads((home / "keys.json").read_text(encoding="utf-8"))
        asked.add_header("Authorization", f"token {held['proxy_token']}")
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(asked, timeout=_PATIENCE) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def beats(database: str) -> bool:
    """Whether the worker of this container has said lately that it lives, in the API's database."""
    import psycopg

    query = "SELECT max(seen_at) FROM workers WHERE host = %s"
    try:
        with psycopg.connect(database.replace("+psycopg", ""), connect_timeout=10) as connection:
            found = connection.execute(query, (socket.gethostname(),)).fetchone()
    except psycopg.Error:
        return False
    return bool(found and found[0] and found[0] > time.time_ns() - _SILENCE)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["worker"]:
            sys.exit(not beats(os.environ["ALPHAPULSE_API_DATABASE"]))
        case [name] if name in DOORS:
            sys.exit(not answers(name, Path(os.environ["ALPHAPULSE_HOME"])))
        case said:
            sys.exit(f"python -m hub.healthy takes one of worker, {', '.join(DOORS)}; it was told {' '.join(said)!r}")
