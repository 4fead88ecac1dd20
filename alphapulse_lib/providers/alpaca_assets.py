"""Alpaca's list of assets as instruments."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from alphapulse_lib.errors import BadAnswer
from alphapulse_lib.providers.alpaca_calls import Calls

__all__ = ["assets"]

#: Alpaca's name of an exchange to its MIC (ISO 10383). OTC is no exchange.
_VENUES = {
    "NASDAQ": "XNAS",
    "NYSE": "XNYS",
    "ARCA": "ARCX",
    "NYSEARCA": "ARCX",
    "BATS": "BATS",
    "AMEX": "XASE",
    "CRYPTO": "CRYPTO",
}
_CLASSES = {"us_equity": "equity", "crypto": "crypto"}
_SCHEMA = pa.schema(
    {
        "symbol": pa.string(),
        "venue": pa.string(),
        "name": pa.string(),
        "asset_class": pa.string(),
        "currency": pa.string(),
        "status": pa.string(),
        "price_precision": pa.int64(),
        "size_precision": pa.int64(),
        "start": pa.date32(),
        "end": pa.date32(),
    }
)


def assets(calls: Calls) -> pa.Table:
    """Stocks and crypto, those that trade no more too, sorted by symbol.

    Raises
    ------
    ProviderError
        Alpaca did not answer, refused, or its answer is not of the form that it publishes.
    """
    body = calls.get("trading", "/assets", {})
    try:
        rows = [_instrument(row) for row in json.loads(body) if row["class"] in _CLASSES]
    except (ValueError, KeyError, TypeError, InvalidOperation) as broken:
        raise BadAnswer(
            f"Alpaca's list of assets cannot be read ({type(broken).__name__}: {broken}).",
            "Ask again later; ALPHAPULSE_ALPACA_TRADING_URL says where it is asked for.",
        ) from None
    return pa.Table.from_pylist(sorted(rows, key=lambda row: (row["symbol"], row["status"])), schema=_SCHEMA)


def _instrument(row: dict[str, Any]) -> dict[str, Any]:
    is_coin = row["class"] == "crypto"
    return {
        "symbol": row["symbol"],
        "venue": _VENUES.get(row["exchange"]),
        "name": row.get("name") or "",
        "asset_class": _CLASSES[row["class"]],
        "currency": row["symbol"].partition("/")[2] if is_coin else "USD",
        "status": row["status"],
        "price_precision": _decimals(row.get("price_increment"), 9) if is_coin else 4,
        "size_precision": _decimals(row.get("min_trade_increment"), 9) if is_coin else 0,
    }


def _decimals(increment: Any, default: int) -> int:
    """The decimals of an increment such as ``"0.0025"``."""
    if increment is None:
        return default
    exponent = Decimal(str(increment)).normalize().as_tuple().exponent
    return max(0, -int(exponent))
