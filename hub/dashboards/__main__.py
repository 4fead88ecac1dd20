"""``python -m hub.dashboards``: the service, started by the supervisor."""

from __future__ import annotations

import sys

import psutil
import uvicorn

from alphapulse_lib.settings import settings
from hub import keys, logs, network
from hub.dashboards.app import create
from hub.dashboards.page import Services
from hub.dashboards.sign_in import SignIn

#: Of the machine's memory, what the pages may take together; and the least, in bytes, that they are given.
_SHARE, _LEAST = 0.5, 4_000_000_000


def main() -> None:
    """Serve until told to stop."""
    limit_memory()
    chosen = settings()
    places = network.read(chosen.home_root / "run" / "network.json")
    logs.set_up(chosen.log_level)
    sign_in = SignIn(
        f"{places.hub_api}/hub/api",
        keys.token(chosen.home_root, "dashboards_token"),
        own_host=places.subdomain_host.startswith("https:"),
    )
    services = Services(places.api, chosen.home_root / "dashboards")
    uvicorn.run(
        create(sign_in, services),
        host=places.host("dashboards"),
        port=places.dashboards_port,
        log_config=None,
        access_log=chosen.log_level == "DEBUG",
        proxy_headers=False,
        ws_max_size=1_000_000,  # what a browser may send: forms, no files
        timeout_keep_alive=network.KEPT_ALIVE,
        timeout_graceful_shutdown=2,
    )


def limit_memory() -> None:
    """Let what would take all memory fail here: the kernel would end whichever process it chooses.

    Pages read files that people hand in, and some kilobytes of Parquet may say that they hold a billion rows.
    """
    if sys.platform == "linux":
        import resource

        most = max(int(psutil.virtual_memory().total * _SHARE), _LEAST)
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    main()
