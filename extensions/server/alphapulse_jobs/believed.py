"""What the hub said of a visitor is believed a little longer while the hub does not answer.

A hub that is started anew is away for some seconds. A workspace asks it every ten seconds who its visitor is, and would
answer with an error until it is back, though its kernels and its owner are there. What the hub does say, a refusal too,
holds at once.
"""

from __future__ import annotations

import time
from typing import Any

from jupyterhub.services.auth import HubAuth
from tornado.web import HTTPError

__all__ = ["LONGER", "believe"]

#: Seconds since an answer of the hub: as long as JupyterHub itself believes one by default, be the hub there or not.
LONGER = 300.0

_ask = HubAuth._check_hub_authorization


def believe(longer: float = LONGER) -> None:
    """Let every check of a visitor in this process fall back on the hub's last answer."""
    known: dict[str, tuple[float, Any]] = {}

    async def check(
        self: HubAuth, url: str, api_token: str, cache_key: str | None = None, use_cache: bool = True
    ) -> Any:
        now = time.monotonic()
        for old in [key for key, (since, _) in known.items() if now - since > longer]:
            del known[old]
        try:
            answer = await _ask(self, url, api_token, cache_key, use_cache)
        except HTTPError:
            if cache_key not in known:
                raise
            return known[cache_key][1]
        if cache_key is not None:
            known.pop(cache_key, None)
            if answer is not None:
                known[cache_key] = (now, answer)
        return answer

    HubAuth._check_hub_authorization = check
