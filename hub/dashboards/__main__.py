"""``python -m hub.dashboards``: the service, started by the supervisor."""

from __future__ import annotations

import uvicorn

from alphapulse_lib.settings import settings
from hub import keys, logs, network
from hub.dashboards.app import create
from hub.dashboards.page import Services
from hub.dashboards.sign_in import SignIn


def main() -> None:
    """Serve until told to stop."""
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


if __name__ == "__main__":
    main()
