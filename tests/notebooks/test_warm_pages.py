"""Pages of Voila on a workspace's Jupyter server: who opens the second one finds a kernel that waited for it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import nbformat
import psutil
import pytest
from waiting import until

from .test_run_page import served

if TYPE_CHECKING:
    from .conftest import Workspace

#: What a page finds before it imports anything itself.
FOUND = """
import sys
warm, names = "pandas" in sys.modules, sorted(name for name in globals() if not name.startswith("_"))
import json, os
asked, folder = os.environ["QUERY_STRING"], os.getcwd()
print(json.dumps({"warm": warm, "names": names, "asked": asked, "in": folder, "pid": os.getpid()}))
"""


@pytest.fixture
def server(workspace: Workspace, tmp_path: Path) -> Iterator[str]:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(FOUND)])
    notebook.metadata["kernelspec"] = {"name": "alphapulse", "display_name": "AlphaPulse", "language": "python"}
    (workspace.folder / "pages").mkdir(exist_ok=True)
    nbformat.write(notebook, workspace.folder / "pages" / "found.ipynb")
    with served(workspace, tmp_path / "log.txt") as address:
        yield address.partition("/voila/")[0]


def opened(server: str, asked: str) -> dict[str, Any]:
    """What the page found, and the kernel that it has."""
    answer = httpx.get(f"{server}/voila/render/pages/found.ipynb?{asked}", timeout=120)
    assert answer.status_code == 200
    told = re.search(r'\{"warm.*?\}', html.unescape(answer.text))
    assert told, answer.text
    return dict(json.loads(told[0]))


def kernels(server: str) -> list[str]:
    """The kernels that Jupyter shows."""
    return [each["id"] for each in httpx.get(f"{server}/api/kernels", timeout=60).json()]


def test_the_second_page_finds_a_kernel_that_waited(server: str, workspace: Workspace) -> None:
    first = opened(server, "number=1")
    assert (first["warm"], first["asked"]) == (False, "number=1")
    assert len(kernels(server)) == 1
    running = psutil.Process(first["pid"]).parent()
    assert running is not None
    until(lambda: [each for each in running.children() if each.pid != first["pid"] and _has_imported(each)])
    assert len(kernels(server)) == 1  # the one that waits is nobody's

    second = opened(server, "number=2&run=a%20b")
    assert second["warm"]
    assert second["names"] == first["names"]
    assert second["asked"] == "number=2&run=a%20b"
    assert second["in"] == first["in"] == str(workspace.folder / "pages")
    assert second["pid"] != first["pid"]
    assert len(kernels(server)) == 2


def test_one_that_died_while_it_waited_keeps_nobody_from_a_page(server: str) -> None:
    first = opened(server, "number=1")
    running = psutil.Process(first["pid"]).parent()
    assert running is not None
    until(lambda: [each for each in running.children() if each.pid != first["pid"] and _has_imported(each)])
    for each in running.children():
        if each.pid != first["pid"]:
            each.kill()
    assert opened(server, "number=2")["asked"] == "number=2"


def _has_imported(process: psutil.Process) -> bool:
    """Whether pandas' own machine code is in a process that has nothing to do any more."""
    try:
        mapped = any("pandas" in each.path for each in process.memory_maps())
        return mapped and process.cpu_percent(0.5) < 5
    except psutil.NoSuchProcess:
        return False
