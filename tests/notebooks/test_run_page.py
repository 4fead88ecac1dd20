"""The Voila page of a run, served by a Jupyter server with the configuration of a workspace."""

from __future__ import annotations

import html
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from running_hub import free_port
from waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from .conftest import Workspace

CHROMIUM = Path("/usr/bin/chromium")
BACKTEST = """
import alphapulse_lib as ap
from alphapulse_lib.engine.strategies import SmaCross
print(ap.backtest(SmaCross, "IBM", "1d", "2012-01-01", "2012-12-31", params={"fast": 10, "slow": 20}, cash=100_000).id)
"""


@contextmanager
def served(workspace: Workspace, log: Path) -> Iterator[str]:
    """The address of the page on a server of the workspace."""
    port = free_port()
    options = ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--allow-root"]
    open_to_all = ["--IdentityProvider.token=", "--ServerApp.password=", "--no-browser"]
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", *options, *open_to_all],
            cwd=workspace.folder,
            env=workspace.environment,
            stdout=output,
            stderr=output,
        )
        address = f"http://127.0.0.1:{port}"
        try:
            until(lambda: _answers(address) or server.poll() is not None, 240, log.read_text, pause=0.2)
            assert server.poll() is None, log.read_text()
            yield f"{address}/voila/render/dashboards/run.ipynb"
        finally:
            server.terminate()
            server.wait(30)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/api", timeout=60).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def run_id(workspace: Workspace) -> str:
    done = workspace.run("-c", BACKTEST)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


@pytest.fixture(scope="module")
def page(workspace: Workspace, run_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(workspace, tmp_path_factory.mktemp("server") / "log.txt") as address:
        yield address


def body(address: str) -> str:
    """What the notebook's last cell shows."""
    answer = httpx.get(address, timeout=120)
    assert answer.status_code == 200
    outputs = re.findall(
        r'<script type="application/vnd.voila.cell-output\+json">(.*?)</script>', answer.text, re.DOTALL
    )
    return str(json.loads(outputs[-1])["data"]["text/html"])


def test_a_run_is_found_by_its_id_and_by_the_beginning_of_it(page: str, run_id: str) -> None:
    for asked in (run_id, run_id[:-2]):
        shown = body(f"{page}?run={asked}")
        assert f'title="Tearsheet of run {run_id}"' in shown
        assert "SmaCross" in shown
        assert "IBM" in html.unescape(shown)


def test_without_an_id_the_newest_run_is_shown(page: str, run_id: str) -> None:
    assert f'<option value="{run_id}" selected>' in body(page)


def test_an_unknown_id_is_said_and_other_runs_can_still_be_chosen(page: str, run_id: str) -> None:
    shown = body(f"{page}?run=%3Cb%3Enothing")
    assert "This run cannot be shown" in shown
    assert "<b>" not in shown
    assert f'<option value="{run_id}">' in shown
    assert "<iframe" not in shown


def test_an_empty_ledger_says_what_fills_it(workspace: Workspace, tmp_path: Path) -> None:
    newcomer = replace(workspace, environment=workspace.environment | {"ALPHAPULSE_LEDGER": str(tmp_path / "ledger")})
    with served(newcomer, tmp_path / "log.txt") as address:
        shown = body(address)
    assert "No run yet" in shown
    assert 'href="/lab/tree/tutorials/01-first-tour.ipynb"' in shown
    assert (workspace.folder / "tutorials" / "01-first-tour.ipynb").exists()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("needs Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield started
        started.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 400)])
def test_it_asks_nothing_of_the_network_and_fits_the_screen(
    page: str, run_id: str, browser: Browser, scheme: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    tab = context.new_page()
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(f"{page}?run={run_id}")
    sheet = tab.frame_locator("iframe")
    sheet.get_by_text("Deepest drawdown").first.wait_for(timeout=60_000)

    own = page.partition("/voila/")[0]
    assert not [
        url for url in asked if not url.startswith((own, own.replace("http", "ws"), "data:", "blob:", "about:"))
    ]
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    luminance = tab.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)")
    assert (max(luminance) < 64) if scheme == "dark" else (min(luminance) > 240)
    inner, outer = (
        tab.evaluate(f"document.querySelector('iframe').{what}")
        for what in ("contentDocument.body.scrollHeight", "clientHeight")
    )
    assert outer >= inner
    context.close()
