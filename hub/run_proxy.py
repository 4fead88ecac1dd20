"""``python -m hub.run_proxy``: the proxy, where the hub's parts are containers; others start by their own modules."""

from __future__ import annotations

import os
import sys

from alphapulse_lib.errors import AlphaPulseError
from alphapulse_lib.settings import settings
from hub import keys, network

__all__ = ["become_proxy"]


def become_proxy() -> None:
    """Become the proxy; its token is handed on in the environment of the process, not of the container."""
    chosen = settings()
    places = network.read(chosen.home_root / "run" / "network.json")
    command = network.proxy_command(places)
    os.environ |= network.proxy_environment(chosen, keys.token(chosen.home_root, "proxy_token"), places)
    # What stands before it speaks TLS and says so. Were "http" added to that, the hub would take the last word for it,
    # and give its cookies to whoever speaks plain HTTP.
    os.execv(command[0], [*command, "--no-x-forward"])


if __name__ == "__main__":
    try:
        become_proxy()
    except AlphaPulseError as error:
        sys.exit(f"alphapulse: {error.message.rstrip('.')}. {error.hint}")
