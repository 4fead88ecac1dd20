"""First paint of Home against an empty Panel page: ``python -m tests.benchmarks.bench_dashboards``.

Both are pages of one service, asked by one browser in turns, with an empty cache and with a full one. Aim: at most 1.5.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import panel as pn
import uvicorn
from panel.io.fastapi import add_applications
from playwright.sync_api import Browser, sync_playwright
from starlette.requests import HTTPConnection

from hub.dashboards.app import create
from hub.dashboards.page import Services
from hub.dashboards.sign_in import PREFIX, SignIn
from hub.dashboards.visitor import Visitor

sys.path.insert(0, str(Path(__file__).parents[1] / "resources"))
from browser import CHROMIUM, FLAGS
from running_hub import free_port

TURNS = 9
PAINT = """() => new Promise(done => {
  const seen = () => performance.getEntriesByName("first-contentful-paint")[0];
  const look = () => seen() ? done(seen().startTime) : setTimeout(look, 20);
  look();
})"""


class Known(SignIn):
    """Everybody is signed in: the hub's part is measured elsewhere."""

    async def visitor(self, connection: HTTPConnection) -> Visitor | None:
        return Visitor("bench", is_admin=False, token="b" * 32, session="")

    async def still(self, somebody: Visitor) -> bool:
        return True


def main() -> None:
    """Measure and print the ratios."""
    if CHROMIUM is None:
        raise SystemExit("bench_dashboards needs Debian's browser: apt-get install chromium")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        app = create(
            Known("http://127.0.0.1:9/hub/api", "b" * 32), Services(f"http://127.0.0.1:{free_port()}", Path(folder))
        )
        empty = {"empty": lambda: pn.Column("An empty page")}
        add_applications(empty, app=app, prefix=PREFIX.rstrip("/"), index_enabled=False)
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
        serving = threading.Thread(target=server.run, daemon=True)
        serving.start()
        while not server.started:
            time.sleep(0.05)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        url = f"http://127.0.0.1:{port}{PREFIX}"
        for name in ("home", "empty"):
            paints(browser, url + name)  # imports and templates
        turns = [(paints(browser, f"{url}home"), paints(browser, f"{url}empty")) for _ in range(TURNS)]
        browser.close()
        server.should_exit = True
        serving.join(30)
    for at, cache in enumerate(("an empty cache", "a full cache")):
        home, plain = (statistics.median(turn[which][at] for turn in turns) for which in (0, 1))
        sys.stdout.write(
            f"first paint with {cache}: home / an empty Panel page = {home:.0f} ms / {plain:.0f} ms = "
            f"{home / plain:.2f} (aim: at most 1.5)\n"
        )


def paints(browser: Browser, url: str) -> tuple[float, float]:
    """Milliseconds until something is seen, the first time and the second."""
    context: Any = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    found = []
    for _ in range(2):
        page.goto(url)
        found.append(float(page.evaluate(PAINT)))
    context.close()
    return found[0], found[1]


if __name__ == "__main__":
    main()
