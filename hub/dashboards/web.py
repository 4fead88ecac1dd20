"""Addresses: of the pages, of what a comment is about, and of what may be linked to at all."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode, urlsplit

__all__ = ["LAB", "about", "link", "page", "told"]

#: JupyterLab in whoever's workspace it is that clicks.
LAB = "/hub/user-redirect/lab"


def page(name: str, **query: str | None) -> str:
    """The address of a page.

    Examples
    --------
    >>> page("market", symbol="BRK B.XNYS", period=None)
    'market?symbol=BRK+B.XNYS'
    """
    asked = urlencode({key: value for key, value in query.items() if value}, safe=",")
    return f"{name}?{asked}" if asked else name


def about(target: str) -> str:
    """Where the thing is that a comment is about.

    Examples
    --------
    >>> about("instrument:AAPL.XNAS"), about("notebook:backtests/sma.ipynb")
    ('market?symbol=AAPL.XNAS#thread', '/hub/user-redirect/lab/tree/backtests/sma.ipynb')
    """
    kind, _, name = target.partition(":")
    if kind == "run":
        return page("runs", id=name) + "#thread"
    if kind == "instrument":
        return page("market", symbol=name) + "#thread"
    if kind == "article":
        return page("market", article=name) + "#thread"
    return f"{LAB}/tree/{quote(name)}"


def told(notified: dict[str, Any]) -> str:
    """Where a notification leads, by what it is about.

    Examples
    --------
    >>> told({"comment": "1f", "target": "run:ab12"}), told({"schedule": "9", "firing": "7"})
    ('runs?id=ab12#thread', 'schedules?id=9')
    """
    if notified.get("target"):
        return about(str(notified["target"]))
    if notified.get("schedule"):
        return page("schedules", id=str(notified["schedule"]))
    if notified.get("run"):
        return page("runs", id=str(notified["run"]))
    if notified.get("rendering"):
        return f"renderings/{quote(str(notified['rendering']), safe='')}"
    if notified.get("dashboard"):
        return f"shared/{quote(str(notified['dashboard']), safe='')}"
    return "home"


def link(url: str | None) -> str:
    """The address, if it is one that a browser may open; empty for scripts and the like.

    Examples
    --------
    >>> link("https://example.com/a"), link("javascript:alert(1)")
    ('https://example.com/a', '')
    """
    try:
        parts = urlsplit((url or "").strip())
    except ValueError:
        return ""
    return parts.geturl() if parts.scheme in ("http", "https") and parts.netloc else ""
