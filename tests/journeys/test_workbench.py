"""The journey of a new researcher, driven in a real browser against the hub that `make up` starts.

Set SCREENSHOTS to a folder to look at what the browser saw, light and dark.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, Witness
from lab import run_every_cell
from running_hub import RunningHub
from waiting import until

pytestmark = [
    pytest.mark.journey,
    pytest.mark.timeout(900),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's browser: apt-get install chromium"),
]

TUTORIAL = "tutorials/01-first-tour.ipynb"

#: Opens a terminal as JupyterLab does, and types.
IN_A_TERMINAL = """async typed => {
  const xsrf = document.cookie.split("; ").filter(each => each.startsWith("_xsrf=")).at(-1).slice("_xsrf=".length);
  const headers = {"Content-Type": "application/json", "X-XSRFToken": xsrf};
  const made = await fetch("/user/admin/api/terminals", {method: "POST", headers, body: "{}"});
  const socket = new WebSocket(`ws://${location.host}/user/admin/terminals/websocket/${(await made.json()).name}`);
  await new Promise((opened, failed) => { socket.onopen = opened; socket.onerror = failed; });
  socket.send(JSON.stringify(["stdin", typed]));
  window.terminal = socket;
}"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    running = RunningHub(tmp_path_factory.mktemp("journey") / "home").start()
    yield running
    running.interrupt()


@pytest.fixture(scope="module")
def context(browser: Any) -> Any:
    opened = browser.new_context(color_scheme="light", viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(180_000)
    return opened


@pytest.fixture(scope="module")
def witness(context: Any, hub: RunningHub) -> Witness:
    return Witness(context, hub.url.removeprefix("http://"))


@pytest.fixture(scope="module")
def page(context: Any, witness: Witness) -> Any:
    return context.new_page()


def picture(page: Any, name: str) -> None:
    """Keep what the page looks like, light and dark, where the developer asked for it."""
    folder = os.environ.get("SCREENSHOTS")
    for scheme in ("dark", "light") if folder else ():
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(1500)
        page.screenshot(path=Path(folder or "") / f"{name}-{scheme}.png")


def outputs(hub: RunningHub) -> list[list[dict[str, Any]]]:
    """The outputs of each code cell of the tutorial, as the person's own copy on disk holds them."""
    notebook = json.loads(hub.workspace("admin").text(TUTORIAL))
    return [cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code"]


def shown(cells: list[list[dict[str, Any]]], kind: str) -> str:
    """All that was displayed as one media type."""
    return "\n".join("".join(output.get("data", {}).get(kind, [])) for cell in cells for output in cell)


def test_sign_in_leads_over_the_dashboards_to_jupyterlab_with_the_kernel_and_the_tutorials(hub: RunningHub, page: Any):
    page.goto(hub.url)
    picture(page, "1-sign-in")
    page.fill("#username_input", "admin")
    page.fill("#password_input", dict(hub.credentials())["admin"])
    page.click("#login_submit")
    page.wait_for_url("**/services/dashboards/home")
    page.click("nav >> text=Lab")
    page.wait_for_url("**/user/admin/lab**")
    page.wait_for_selector(".jp-LauncherCard >> text=AlphaPulse")
    page.dblclick(".jp-DirListing-itemText >> text=tutorials")
    page.wait_for_selector(".jp-DirListing-itemText >> text=01-")
    listed = page.locator(".jp-DirListing-itemText").all_inner_texts()
    assert [name[:3] for name in listed if name.endswith(".ipynb")] == [f"0{n}-" for n in range(1, len(listed) + 1)]
    assert len(listed) >= 3
    assert page.locator(".Toastify__toast").count() == 0
    picture(page, "2-lab")


def test_the_first_tutorial_runs_cell_by_cell(hub: RunningHub, page: Any):
    page.dblclick(f".jp-DirListing-itemText >> text={Path(TUTORIAL).name}")
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
    page.wait_for_selector('.jp-KernelName >> text="AlphaPulse"')
    source = json.loads(hub.workspace("admin").text(TUTORIAL))
    ran = run_every_cell(page, source["cells"])
    assert ran >= 8
    with page.expect_response(lambda answer: answer.request.method == "PUT" and TUTORIAL in answer.url):
        page.keyboard.press("Control+s")
    cells = outputs(hub)
    assert not [output["evalue"] for cell in cells for output in cell if output["output_type"] == "error"]


def test_it_shows_bars_a_chart_news_statistics_and_a_tearsheet(hub: RunningHub, page: Any):
    cells = outputs(hub)
    text, html = shown(cells, "text/plain"), shown(cells, "text/html")
    charts = [output for cell in cells for output in cell if "application/vnd.plotly.v1+json" in output.get("data", {})]
    assert len(charts) >= 2
    assert [words for words in ("AAPL", "close", "headline") if words not in text] == []
    assert "Sharpe ratio" in text
    assert "<iframe" in html
    chart = page.locator(".jp-NotebookPanel .js-plotly-plot").first
    chart.wait_for(state="attached")
    chart.scroll_into_view_if_needed()
    picture(page, "3-tutorial")


def test_the_run_is_in_the_ledger(hub: RunningHub):
    (run,) = json.loads(hub.workspace("admin").run("runs", "--json"))
    assert run["id"][:8] in shown(outputs(hub), "text/html") + shown(outputs(hub), "text/plain")


def test_a_page_of_the_run_opens_from_the_person_s_server(hub: RunningHub, context: Any, page: Any, witness: Witness):
    assert witness.errors == []
    with context.expect_page() as opened:
        page.locator(".jp-NotebookPanel a >> text=Open this run as a page").click()
    dashboard = opened.value
    dashboard.wait_for_selector("#rendered_cells", state="visible")
    sheet = dashboard.frame_locator("iframe[title^=Tearsheet]")
    sheet.locator(".js-plotly-plot, svg").first.wait_for(state="visible")
    seen = sheet.locator("body").inner_text()
    assert "Trend" in seen
    assert "AAPL" in seen
    assert "Traceback" not in seen
    picture(dashboard, "4-voila")
    assert witness.errors == []


def test_a_terminal_opens_in_the_workspace_and_finds_the_command_and_the_library(hub: RunningHub, page: Any):
    workspace = hub.workspace("admin")
    asked = "command -v alphapulse && pwd && python -c 'import alphapulse_lib' && alphapulse --help"
    page.evaluate(IN_A_TERMINAL, f"({asked}) > said.part 2>&1; mv said.part said.txt\r")
    until(lambda: workspace.text("said.txt"), 180, lambda: "the terminal did nothing, or elsewhere", pause=0.5)
    lines = workspace.text("said.txt").splitlines()
    assert lines[:2] == [workspace.alphapulse, workspace.place]
    assert lines[2].startswith("Usage: alphapulse")


def test_nothing_was_asked_of_any_other_host(witness: Witness, page: Any):
    assert witness.strangers == set()
