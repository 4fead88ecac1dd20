"""How much of a disk a person's folder takes, and what to tell its owner when that comes near to what there is."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["NEAR", "Room", "is_near", "used"]

#: The part of what a person may use, or of the disk itself, from which on they are told.
NEAR = 0.9
_MEASURED_EVERY = 60.0  # seconds
_REST = 9  # times as long as a measurement took it waits at least: nine tenths of a core, and the disk, stay for others
_MEGABYTE = 1_000_000


def used(folder: Path) -> int:
    """How many bytes of the disk a folder takes; a file of several names once."""
    blocks: dict[tuple[int, int], int] = {}
    for each in _entries(folder):
        blocks[each.st_dev, each.st_ino] = 512 * each.st_blocks
    return sum(blocks.values())


def is_near(taken: int, limit: int) -> bool:
    """Whether nine tenths of a limit are taken; never where there is none."""
    return bool(limit) and taken >= NEAR * limit


class Room:
    """The room of one person.

    Parameters
    ----------
    folder : Path
        Their folder.
    limit : int
        How many bytes they may use; 0: as many as the disk has.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.limit, self._folder = limit, folder
        self._taken, self._measured_again_at = 0, float("-inf")

    async def taken(self) -> int:
        """How many bytes their files take, as measured within the last minute; longer ago where that takes long."""
        if (began := time.monotonic()) > self._measured_again_at:
            self._measured_again_at = float("inf")  # who asks meanwhile has it measured no second time
            try:
                self._taken = await asyncio.to_thread(used, self._folder)
            finally:
                took = time.monotonic() - began
                self._measured_again_at = time.monotonic() + max(_MEASURED_EVERY, _REST * took)
        return self._taken

    async def told(self) -> dict[str, str]:
        """What the owner is to be told now; without a text where there is room."""
        return {"name": "disk", "type": "warning", "id": "", "text": await self._words()}

    async def _words(self) -> str:
        helps = "remove what you no longer need; du -sh ~/* in a terminal shows what is large."
        if self.limit and is_near(taken := await self.taken(), self.limit):
            how_much = f"{taken / _MEGABYTE:,.0f} of {self.limit / _MEGABYTE:,.0f} MB ({taken / self.limit:.0%})"
            return f"Your files take {how_much}: {helps}"
        disk = shutil.disk_usage(self._folder)
        if is_near(disk.used, disk.used + disk.free):  # some of it nobody but root may have: free is what is left to us
            return f"The disk that your files are on is nearly full, {disk.free / _MEGABYTE:,.0f} MB are left: {helps}"
        return ""


def _entries(folder: Path) -> Iterator[os.stat_result]:
    """What is in a folder, and itself; what goes meanwhile, or may not be read, is passed over."""
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            yield here.lstat()
            with os.scandir(here) as found:
                for each in found:
                    if each.is_dir(follow_symlinks=False):
                        waiting.append(Path(each.path))
                    else:
                        yield each.stat(follow_symlinks=False)
        except OSError:
            continue
