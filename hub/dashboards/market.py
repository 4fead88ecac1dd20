"""Market."""

from __future__ import annotations

from hub.dashboards.page import Page

__all__ = ["Market"]


class Market(Page):
    """The page."""

    name, title = "market", "Market"
