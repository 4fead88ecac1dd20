"""Runs."""

from __future__ import annotations

from hub.dashboards.page import Page

__all__ = ["Runs"]


class Runs(Page):
    """The page."""

    name, title = "runs", "Runs"
