"""The frame of every page, written before anything is asked: it stands in the first bytes that the browser gets."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import panel as pn

from hub.dashboards import assets, web
from hub.dashboards.page import Page
from hub.dashboards.templating import render

__all__ = ["asked", "opened"]

#: Where a page's template wants a Panel object: ``<!-- root:chart -->``.
_MARK = "<!-- root:{} -->"
_LONGEST = 1000
_NAVIGATION = (("home", "Home"), ("market", "Market"), ("runs", "Runs"), ("schedules", "Schedules"))
_ADMIN = ("admin", "Admin")


def asked() -> dict[str, str]:
    """What the address of the page that is being opened asks for; of what it names twice, the first."""
    arguments: dict[str, list[bytes]] = _document().session_context.request.arguments
    return {name: values[0].decode("utf-8", "replace")[:_LONGEST] for name, values in arguments.items() if values}


def opened(page: Page) -> pn.Template:
    """The page as Panel serves it."""
    page.live_in(_document())
    html = render(
        page.template or page.name,
        page=page.name,
        title=page.title,
        navigation=(*_NAVIGATION, _ADMIN) if page.visitor.is_admin else _NAVIGATION,
        lab=web.LAB,
        me=page.visitor,
        version=assets.version(),
        **page.shell(),
    )
    roots = page.roots()
    before, pieces = html, []
    for name in roots:
        piece, _, before = before.partition(_MARK.format(name))
        pieces.append((name, piece))
    template = pn.Template(_frame())
    # What the visitor's words are in is handed over as a value: it is never part of a template's own text.
    template.add_variable("pieces", pieces)
    template.add_variable("rest", before)
    template.add_variable("page_title", f"{page.title} · AlphaPulse")
    template.add_variable("assets", f"assets/{{}}?v={assets.version()}")
    template.add_panel("bridge", page.bridge)
    for name, root in roots.items():
        template.add_panel(name, root)
    return template


def _document() -> Any:
    return pn.state.curdoc


@cache
def _frame() -> str:
    return files("hub.dashboards").joinpath("templates/frame.html").read_text(encoding="utf-8")
