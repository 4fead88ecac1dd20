"""Somebody's JupyterLab in a real browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["IDLE", "asked", "run_every_cell"]

#: The open notebook's kernel has nothing to do.
IDLE = '.jp-Notebook-ExecutionIndicator[data-status="idle"]'


def asked(page: Any) -> str:
    """What Lab's dialog says, if one is in the way; it is answered with Escape, as a person would to go on."""
    dialog = page.query_selector(".jp-Dialog")
    if dialog is None:
        return ""
    words = str(dialog.inner_text())
    page.keyboard.press("Escape")
    dialog.wait_for_element_state("hidden")
    return words


def run_every_cell(page: Any, cells: Sequence[dict[str, Any]]) -> int:
    """Run the open notebook's cells one by one, each done before the next; how many held code."""
    page.wait_for_selector(IDLE)
    page.click(".jp-NotebookPanel .jp-Cell >> nth=0")
    ran = 0
    for cell in cells:
        page.keyboard.press("Shift+Enter")
        if cell["cell_type"] == "code":
            ran += 1
            page.wait_for_selector(f'.jp-InputPrompt >> text="[{ran}]:"', state="attached")
            page.wait_for_selector(IDLE, state="attached")
    return ran
