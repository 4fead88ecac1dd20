"""Somebody's JupyterLab in a real browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["IDLE", "asked", "run_every_cell"]

#: The open notebook's kernel has nothing to do.
IDLE = '.jp-Notebook-ExecutionIndicator[data-status="idle"]'

_FIRST = ".jp-NotebookPanel .jp-Cell >> nth=0"
_WENT_ON = "() => !document.querySelector('.jp-NotebookPanel .jp-Cell').classList.contains('jp-mod-active')"


def asked(page: Any) -> str:
    """What Lab's dialog says, if one is in the way; it is answered with Escape, as a person would to go on."""
    dialog = page.query_selector(".jp-Dialog")
    if dialog is None:
        return ""
    words = str(dialog.inner_text())
    page.keyboard.press("Escape")
    dialog.wait_for_element_state("hidden")
    return words


def _until_heard(page: Any) -> None:
    """Press once more where the first cell stays chosen: a key is lost while Lab still puts its panels in order."""
    from playwright import sync_api

    for _ in range(9):
        try:
            page.wait_for_function(_WENT_ON, timeout=20_000)
            return
        except sync_api.TimeoutError:
            asked(page)
            page.click(_FIRST)
            page.keyboard.press("Shift+Enter")


def run_every_cell(page: Any, cells: Sequence[dict[str, Any]]) -> int:
    """Run the open notebook's cells one by one, each done before the next; how many held code."""
    page.wait_for_selector(IDLE)
    page.click(_FIRST)
    ran = 0
    for number, cell in enumerate(cells):
        page.keyboard.press("Shift+Enter")
        if number == 0:
            _until_heard(page)
        if cell["cell_type"] == "code":
            ran += 1
            page.wait_for_selector(f'.jp-InputPrompt >> text="[{ran}]:"', state="attached")
            page.wait_for_selector(IDLE, state="attached")
    return ran
