"""``python -m hub.api``: the service, started by the supervisor."""

from __future__ import annotations

import uvicorn

from alphapulse_lib.settings import settings
from hub import keys, logs, network
from hub.api.app import create
from hub.api.identity import HubDoor


def main() -> None:
    """Serve until told to stop."""
    chosen = settings()
    places = network.read(chosen.home_root / "run" / "network.json")
    logs.set_up(chosen.log_level)
    door = HubDoor(f"{places.hub_api}/hub/api", keys.token(chosen.home_root, "api_token"))
    uvicorn.run(
        create(chosen, door),
        host=places.host("api"),
        port=places.api_port,
        log_config=None,
        access_log=chosen.log_level == "DEBUG",
        proxy_headers=False,
        timeout_keep_alive=network.KEPT_ALIVE,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
