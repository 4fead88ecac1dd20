"""Accounts that were lost, and had something again after it."""

from __future__ import annotations

__all__ = ["came_back"]


def came_back(total: float | None, deepest: float | None) -> bool:
    """Whether an account was worth nothing at some moment, or less, and something at the end.

    No broker lets a lost account trade on, so nobody would have had what it came to.

    Parameters
    ----------
    total, deepest : float, optional
        The total return and the deepest drawdown, as shares.

    Examples
    --------
    >>> came_back(0.8, -1.5), came_back(-1.2, -1.2)
    (True, False)
    """
    return total is not None and deepest is not None and deepest <= -1 < total
