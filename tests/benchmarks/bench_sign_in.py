"""From the click on *Sign in* to a Lab one can use, beside plain JupyterHub.

``python -m tests.benchmarks.bench_sign_in``. Both start the person's server as a process of the same Python with the
same JupyterLab; a browser with an empty cache signs in, in turns, the server being stopped. Usable is when Lab's
launcher offers a kernel. Aim: at most 1.15 times what plain JupyterHub takes. Then eight people sign in at once, here
and there, and all must get there.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "resources"))
from browser import CHROMIUM, FLAGS
from hub_client import Person
from plain_hub import PASSWORD, PlainHub
from running_hub import RunningHub

TURNS, TOGETHER = 7, 8
NAMES = tuple(f"person{number}" for number in range(TOGETHER))
USABLE = ".jp-LauncherCard"
PATIENCE = 240_000  # milliseconds


class Hub(Protocol):
    """Whichever hub is measured."""

    url: str


def main() -> None:
    """Measure and print."""
    if CHROMIUM is None:
        raise SystemExit("bench_sign_in needs Debian's browser: apt-get install chromium")
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        sync_playwright() as playwright,
        hubs(Path(folder)) as both,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for hub, password in both:
            alone(browser, hub, password)  # what is compiled and cached once
        turns = [[alone(browser, hub, password) for hub, password in both] for _ in range(TURNS)]
        ours, plain = (statistics.median(turn[which] for turn in turns) for which in (0, 1))
        ratio = statistics.median(turn[0] / turn[1] for turn in turns)
        told(
            f"sign-in to a usable Lab: {ours:.1f} s, plain JupyterHub {plain:.1f} s, "
            f"ratio {ratio:.2f} (aim: at most 1.15)"
        )
        for what, (hub, password) in zip(("ours", "plain JupyterHub"), both, strict=True):
            took = together(browser, hub, password)
            told(f"{TOGETHER} people at once, {what}: all usable, after {took[0]:.1f} s to {took[-1]:.1f} s")
        browser.close()


@contextmanager
def hubs(folder: Path) -> Iterator[list[tuple[Hub, str]]]:
    """Ours and a plain one, with the password that all of `NAMES` have."""
    plain = PlainHub(folder / "plain").start()
    try:
        ours = RunningHub(folder / "ours", ALPHAPULSE_USERS=",".join(NAMES)).start()
        try:
            passwords = [each for name, each in ours.credentials() if name != "admin"]
            yield [(ours, passwords[0]), (plain, PASSWORD)]
        finally:
            ours.interrupt()
    finally:
        plain.stop()


def alone(browser: Browser, hub: Hub, password: str) -> float:
    """Seconds that one person waits."""
    context = browser.new_context()
    page = at_the_door(context, hub, NAMES[0], password)
    start = perf_counter()
    page.click("#login_submit")
    page.wait_for_selector(USABLE)
    took = perf_counter() - start
    context.close()
    stop(hub, NAMES[0], password)
    return took


def together(browser: Browser, hub: Hub, password: str) -> list[float]:
    """Seconds that each of several waits who sign in at once, the quickest first."""
    contexts = [browser.new_context() for _ in NAMES]
    pages = [at_the_door(each, hub, name, password) for each, name in zip(contexts, NAMES, strict=True)]
    start = perf_counter()
    for page in pages:
        page.click("#login_submit", no_wait_after=True)
    left, took = list(pages), []
    while left:
        if perf_counter() - start > PATIENCE / 1000:
            raise SystemExit(f"{len(left)} of {TOGETHER} people have no usable Lab: {[page.url for page in left]}")
        for page in [each for each in left if each.locator(USABLE).first.is_visible()]:
            left.remove(page)
            took.append(perf_counter() - start)
        pages[0].wait_for_timeout(100)
    for context, name in zip(contexts, NAMES, strict=True):
        context.close()
        stop(hub, name, password)
    return took


def at_the_door(context: Any, hub: Hub, name: str, password: str) -> Page:
    """The sign-in page, filled in."""
    context.set_default_timeout(PATIENCE)
    page: Page = context.new_page()
    page.goto(f"{hub.url}/hub/login?next=/hub/user-redirect/lab")
    page.fill("#username_input", name)
    page.fill("#password_input", password)
    return page


def stop(hub: Hub, name: str, password: str) -> None:
    """Stop somebody's server, and wait until it is gone."""
    person = Person(hub.url, name)
    person.sign_in(password)
    person.stop_server()


def told(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
