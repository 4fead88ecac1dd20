"""Schedules."""

from __future__ import annotations

from hub.dashboards.page import Page

__all__ = ["Schedules"]


class Schedules(Page):
    """The page."""

    name, title = "schedules", "Schedules"
