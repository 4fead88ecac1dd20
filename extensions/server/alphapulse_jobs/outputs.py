"""What of a cell's output is kept: a notebook that prints without end must not fill its workspace's memory or disk."""

from __future__ import annotations

from collections import Counter
from typing import Any

from nbformat.v4 import new_output
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.log import logger

__all__ = ["ENGINE", "MOST"]

#: papermill's name for the way of running notebooks that is registered here.
ENGINE = "alphapulse"
#: Characters of one cell's output that are kept.
MOST = 10_000_000
#: Seconds that output may still arrive once a cell is over; a busy machine is slow to read a gigabyte.
_LATE = 120


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    """papermill's client, which lets go what is too much."""

    clear_before_next_output: bool

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._kept = Counter[int]()
        self._cut: set[int] = set()

    def output(self, outs: list[Any], msg: dict[str, Any], display_id: str | None, cell_index: int) -> Any:
        """Keep an output, or what of it there is room for; the cell's error is always kept."""
        if msg["msg_type"] == "error":
            return super().output(outs, msg, display_id, cell_index)
        if self.clear_before_next_output and not self._goes_elsewhere(msg):
            self.clear_before_next_output = False
            self.clear_output(outs, msg | {"content": {"wait": False}}, cell_index)
        content, room = msg["content"], MOST - self._kept[cell_index]
        size = _size(content)
        self._kept[cell_index] += size
        if size <= room:
            return super().output(outs, msg, display_id, cell_index)
        if room > 0 and msg["msg_type"] == "stream":
            shortened = msg | {"content": content | {"text": content["text"][:room]}}
            super().output(outs, shortened, display_id, cell_index)
        self._say(outs, cell_index)
        return None

    def clear_output(self, outs: list[Any], msg: dict[str, Any], cell_index: int) -> None:
        """Clear it: what comes then has all the room, as for a table that is shown anew again and again."""
        super().clear_output(outs, msg, cell_index)
        if not msg["content"].get("wait") and not self._goes_elsewhere(msg):
            del self._kept[cell_index]
            self._cut.discard(cell_index)

    def _goes_elsewhere(self, msg: dict[str, Any]) -> bool:
        """Whether a widget takes it in the cell's place."""
        return bool(self.output_hook_stack[msg["parent_header"].get("msg_id")])

    def _say(self, outs: list[Any], cell_index: int) -> None:
        if cell_index not in self._cut:
            self._cut.add(cell_index)
            said = f"AlphaPulse kept no more of this cell's output: it is over {MOST:,} characters.\n"
            outs.append(new_output("stream", name="stderr", text=said))


def _size(content: dict[str, Any]) -> int:
    return len(content.get("text", "")) + sum(len(str(each)) for each in content.get("data", {}).values())


class _Engine(NBClientEngine):  # type: ignore[misc]
    """papermill's own engine with that client."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, log_output: bool = False, **more: Any) -> Any:
        """Run the notebook."""
        return _Client(
            nb_man,
            kernel_name=kernel_name,
            log=logger,
            log_output=log_output,
            startup_timeout=more.get("start_timeout", 60),
            timeout=None,
            iopub_timeout=_LATE,
        ).execute()


papermill_engines.register(ENGINE, _Engine)
