"""Calls to Alpaca: one request and its answer's bytes, at a pace its limit allows, asked again where that may help.

The addresses, the versions, the keys' headers and the requests' fields are alpaca-py's. Its own way of calling is not
used: it gathers all pages before it returns the first, has no time-out, waits three seconds after a 429 whatever
``X-RateLimit-Reset`` says, and keeps the headers to itself.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from alphapulse_lib.errors import (
    BadAnswer,
    KeysMissing,
    KeysRefused,
    ProviderError,
    RequestRefused,
    TooManyRequests,
    VendorUnreachable,
)
from alphapulse_lib.providers.budget import Budget, budget_of
from alphapulse_lib.settings import settings

if TYPE_CHECKING:
    from alpaca.common.rest import RESTClient
    from requests import Response

__all__ = ["ATTEMPTS", "Calls"]

#: How often one page is asked for before it is given up.
ATTEMPTS = 5


class Calls:
    """One key's calls.

    Parameters
    ----------
    budget : Budget, optional
        The pace; by default that of the key, one for the whole process.
    timeout, patience : float
        Seconds: for an answer, and for the first wait before it is asked again (each later one is twice as long).
    """

    def __init__(self, budget: Budget | None = None, timeout: float = 60.0, patience: float = 0.5) -> None:
        self._budget, self._timeout, self._patience = budget, timeout, patience
        self._clients: dict[tuple[str, ...], RESTClient] = {}

    def get(self, service: str, path: str, params: Mapping[str, Any]) -> bytes:
        """The body of an answer.

        Parameters
        ----------
        service : {"stocks", "crypto", "actions", "trading"}
            Which of Alpaca's.

        Raises
        ------
        ProviderError
            It did not answer, or refused.
        """
        from requests import RequestException

        client = self._client(service)
        budget = self._pace()
        url = f"{client._base_url}/{client._api_version}{path}"
        failed: ProviderError = VendorUnreachable("Alpaca was not asked.")
        for attempt in range(ATTEMPTS):
            budget.take()
            try:
                answer = client._session.get(
                    url,
                    params=dict(params),
                    headers=client._get_default_headers(),
                    timeout=self._timeout,
                    allow_redirects=False,
                )
            except RequestException as broken:
                failed = _unreachable(url, type(broken).__name__)
                self.wait(attempt)
                continue
            reset = budget.learn(answer.headers)
            if answer.status_code == 200:
                return answer.content
            failed = _refusal(answer, url, reset)
            if answer.status_code == 429:
                time.sleep(reset or self._patience)
            elif answer.status_code >= 500:
                self.wait(attempt)
            else:
                break
        raise failed from None

    def seconds_for(self, calls: int) -> float:
        """Seconds until the budget of the key allows so many more calls."""
        return self._pace().seconds_for(calls)

    def _pace(self) -> Budget:
        return self._budget or budget_of("alpaca", settings().alpaca_key)

    def wait(self, attempt: int) -> None:
        """Wait before the next attempt: longer each time, and not in step with others."""
        if attempt < ATTEMPTS - 1:
            time.sleep(self._patience * 2**attempt * random.uniform(0.75, 1.25))  # noqa: S311

    def _client(self, service: str) -> RESTClient:
        from alpaca.data.historical import CryptoHistoricalDataClient, StockHistoricalDataClient
        from alpaca.data.historical.corporate_actions import CorporateActionsClient
        from alpaca.trading.client import TradingClient

        chosen = settings()
        keys = (chosen.alpaca_key or None, chosen.alpaca_secret or None)
        if service != "crypto" and not all(keys):
            raise KeysMissing(
                f"Alpaca's {service} need a key, and none is set.",
                "Set ALPHAPULSE_ALPACA_KEY and ALPHAPULSE_ALPACA_SECRET, in the environment or in .env; for a hub say "
                "`alphapulse keys set alpaca` where it runs. A free paper account of https://alpaca.markets has them. "
                "Crypto needs none.",
            )
        url = (chosen.alpaca_trading_url if service == "trading" else chosen.alpaca_url).rstrip("/")
        place = (service, url, *(each or "" for each in keys))
        if place not in self._clients:
            makers: dict[str, type[RESTClient]] = {
                "stocks": StockHistoricalDataClient,
                "crypto": CryptoHistoricalDataClient,
                "actions": CorporateActionsClient,
                "trading": TradingClient,
            }
            whose = keys if all(keys) else (None, None)
            made: Any = makers[service]
            self._clients[place] = made(*whose, raw_data=True, url_override=url)
        return self._clients[place]


def _unreachable(url: str, why: str) -> VendorUnreachable:
    host = "/".join(url.split("/")[:3])
    return VendorUnreachable(
        f"Alpaca does not answer at {host} ({why}), asked {ATTEMPTS} times.",
        "What was fetched before is kept: ask again later. ALPHAPULSE_ALPACA_URL says where it is asked.",
    )


def _refusal(answer: Response, url: str, reset: float) -> ProviderError:
    status, said = answer.status_code, _said(answer)
    if status in (401, 403):
        if "subscription" in said:
            hint = (
                "ALPHAPULSE_ALPACA_FEED=iex, or feed='iex', is open to every plan; SIP data older than 15 minutes too."
            )
        else:
            hint = "Look at ALPHAPULSE_ALPACA_KEY and ALPHAPULSE_ALPACA_SECRET: paper and live accounts have their own."
        return KeysRefused(f"Alpaca refused the key: {said} ({status})", hint)
    if status == 429:
        return TooManyRequests(
            f"Alpaca asks to wait: {said}", f"Ask again in {reset:.0f} seconds; somebody else uses this key.", reset
        )
    if status >= 500:
        return _unreachable(url, f"{status}: {said}")
    if 300 <= status < 400:
        return BadAnswer(f"{url} answers {status} and sends elsewhere.", "Look at ALPHAPULSE_ALPACA_URL.")
    return RequestRefused(f"Alpaca refused what was asked: {said} ({status})", "Look at the tickers and the period.")


def _said(answer: Response) -> str:
    """The vendor's own words."""
    try:
        return str(json.loads(answer.content)["message"])
    except (ValueError, KeyError, TypeError):
        return answer.content[:200].decode(errors="replace").strip() or "no words"
