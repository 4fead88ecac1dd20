"""Below the error that code for NautilusTrader 1 meets, in a cell or in what it imports: what to write instead."""

from __future__ import annotations

import linecache
from types import TracebackType
from typing import Any

__all__ = ["ERRORS", "show"]

#: What such code raises: of an import that lies elsewhere now, and of ``StrategyConfig, frozen=True``.
ERRORS = (ImportError, TypeError)


def show(shell: Any, kind: type, error: BaseException, trace: TracebackType, tb_offset: int | None = None) -> None:
    """Show an error as IPython shows all, with what to write instead where there is something to say."""
    while trace.tb_next is not None:
        trace = trace.tb_next
    told = _advice(error, "".join(linecache.getlines(trace.tb_frame.f_code.co_filename)))
    if told and told not in getattr(error, "__notes__", ()):
        error.add_note(told)
    shell.showtraceback((kind, error, error.__traceback__), tb_offset=tb_offset, running_compiled_code=True)


def _advice(error: BaseException, text: str) -> str:
    if "nautilus_trader" not in text:  # nor is it loaded then to find out
        return ""
    from alphapulse_lib.engine import nautilus_one

    return nautilus_one.advice(error, text)
