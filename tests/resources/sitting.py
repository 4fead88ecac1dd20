"""Somebody who signed in, in front of the dashboards in a real browser."""

from __future__ import annotations

from typing import Any

from browser import Witness
from running_hub import RunningHub
from signed_in import DASHBOARDS, SignedIn

__all__ = ["RULES", "fits", "sit", "visit"]

#: What axe is asked: its rules, and one that it counts as experimental: that a name holds the words which are seen
#: (WCAG 2.5.3), for who says these aloud to their computer means that button.
RULES = {"resultTypes": ["violations"], "rules": {"label-content-name-mismatch": {"enabled": True}}}


def sit(browser: Any, hub: RunningHub, somebody: SignedIn, **more: Any) -> tuple[Any, Witness]:
    """A page in a browser of their own, and what it sees; ``more`` as Playwright's ``new_context`` takes it."""
    context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | more))
    context.set_default_timeout(60_000)
    context.add_cookies(
        [{"name": each.name, "value": each.value, "url": f"{hub.url}{each.path}"} for each in somebody.http.cookies.jar]
    )
    return context.new_page(), Witness(context, hub.url.removeprefix("http://"))


def fits(page: Any, width: int) -> bool:
    """Whether the page is no wider than a window of so many pixels, once it has come to rest in it."""
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_timeout(200)
    for _ in range(50):  # what is drawn anew takes longer where the machine is busy
        if page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"):
            return True
        page.wait_for_timeout(200)
    return False


def visit(page: Any, hub: RunningHub, name: str) -> None:
    """Open a page of the dashboards, and wait until every widget has said what it has to say."""
    page.goto(f"{hub.url}{DASHBOARDS}{name}")
    page.wait_for_function("() => !document.querySelector('main .skeleton')")
