"""Currencies: in how many decimals their amounts are told."""

from __future__ import annotations

__all__ = ["decimals_of"]

#: Minor units by ISO 4217, where they are not two.
_DECIMALS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND"), 0),
    **dict.fromkeys(("VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    # Coins of which a hundredth is much; those that stand for dollars are told as dollars.
    **dict.fromkeys(("BTC", "XBT", "ETH", "BNB"), 8),
}


def decimals_of(currency: str) -> int:
    """The decimals of an amount: as many as the currency's smallest coin has, two where it is not known.

    Examples
    --------
    >>> decimals_of("USD"), decimals_of("JPY"), decimals_of("KWD"), decimals_of("BTC")
    (2, 0, 3, 8)
    """
    return _DECIMALS.get(currency, 2)
