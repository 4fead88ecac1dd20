"""Kernels that wait for pages of Voila: a page opens in a part of the time that a kernel takes to start and to import.

Voila's own pre-heating does not work inside a Jupyter server, and would run a notebook before it knows what its reader
asks for: this runs nothing but imports. A workspace where nobody opens such pages has no kernel waiting: the first page
starts its own, and from then on one waits for the next, until none was opened for a while.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

__all__ = ["WarmKernels"]

#: What Voila tells a kernel that it starts for a page, and nobody else does.
_PAGE = "VOILA_REQUEST_URL"
#: Seconds after which the next kernel starts, so that the page just opened has the processors for itself, and those
#: after which one ends that no page took.
_LATER, _PATIENCE = 3.0, 600.0
#: Seconds within which a kernel has imported, and within which it takes up a page.
_IMPORTS_WITHIN, _ANSWERS_WITHIN = 60, 10
#: What pages of runs and of prices need; what runs leaves no name behind.
_LIBRARIES = ("pandas", "pyarrow.compute", "IPython.display", "alphapulse_lib.session.runs")
_IMPORTS = f"(lambda: [__import__(name) for name in {_LIBRARIES}])()"


#: Half of its methods have types, and those contradict the ones that it overrides.
_Kernels: Any = AsyncMappingKernelManager


class WarmKernels(_Kernels):  # type: ignore[misc]
    """Jupyter's kernels. Who lists them does not see the one that waits: it is nobody's yet."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._waiting: str | None = None
        self._coming: asyncio.Task[None] | None = None
        self._end: asyncio.TimerHandle | None = None

    async def start_kernel(self, *, kernel_id: str | None = None, path: str | None = None, **told: Any) -> str:
        """Start a kernel; for a page of Voila, hand out the one that waits."""
        page = told.get("env") or {}
        if _PAGE not in page or told.get("kernel_name", self.default_kernel_name) != self.default_kernel_name:
            return str(await super().start_kernel(kernel_id=kernel_id, path=path, **told))
        warm, self._waiting = self._waiting, None
        self._prepare_another()
        if warm is not None and await self._takes_up(warm, page, path):
            return warm
        return str(await super().start_kernel(kernel_id=kernel_id, path=path, **told))

    def list_kernels(self) -> list[dict[str, Any]]:
        """The kernels that are somebody's."""
        return [each for each in super().list_kernels() if each["id"] != self._waiting]

    def _prepare_another(self) -> None:
        if self._coming is None or self._coming.done():
            self._coming = asyncio.create_task(self._warm())

    async def _warm(self) -> None:
        await asyncio.sleep(_LATER)
        kernel = str(await super().start_kernel(kernel_name=self.default_kernel_name))
        self._waiting = kernel
        if not await self._ran(kernel, _IMPORTS, _IMPORTS_WITHIN):
            await self._let_go(kernel)
            return
        if self._end is not None:
            self._end.cancel()
        self._end = asyncio.get_running_loop().call_later(
            _PATIENCE, lambda: asyncio.ensure_future(self._let_go(kernel))
        )

    async def _let_go(self, kernel: str) -> None:
        """End a kernel that no page took."""
        if self._waiting == kernel:
            self._waiting = None
            await self.shutdown_kernel(kernel, now=True)

    async def _takes_up(self, kernel: str, page: dict[str, str], path: str | None) -> bool:
        """Give a kernel that waited what one gets that is started for a page; one that cannot take it is ended."""
        news = {name: value for name, value in page.items() if os.environ.get(name) != value}
        folder = str(self.cwd_for_path(path)) if path is not None else str(Path.cwd())
        told = json.dumps([news, folder])  # the names that Voila gives are an enumeration's, which JSON writes plain
        code = f"(lambda os, told: (os.environ.update(told[0]), os.chdir(told[1])))(__import__('os'), {told})"
        if await self._ran(kernel, code, _ANSWERS_WITHIN):
            return True
        if kernel in self:
            await self.shutdown_kernel(kernel, now=True)
        return False

    async def _ran(self, kernel: str, code: str, within: float) -> bool:
        """Whether a kernel has run some code within so many seconds; it shows and counts nothing."""
        client = self.get_kernel(kernel).client()
        client.start_channels(iopub=False, stdin=False, hb=False, control=False)
        try:
            asked = client.execute(code, silent=True, store_history=False, allow_stdin=False)
            async with asyncio.timeout(within):
                while (answer := await client.get_shell_msg())["parent_header"].get("msg_id") != asked:
                    pass
            told = answer["content"]
            if told["status"] != "ok":
                self.log.warning("A kernel that waited cannot be used: %s: %s", told.get("ename"), told.get("evalue"))
            return bool(told["status"] == "ok")
        except TimeoutError:
            self.log.warning("A kernel that waited does not answer within %d s", within)
            return False
        finally:
            client.stop_channels()
