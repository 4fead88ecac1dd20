"""How far an ingest is: told to a bar in a notebook or a terminal, or to whoever else asks to be told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from alphapulse_lib.providers.contract import Estimate

__all__ = ["Bar", "Progress"]


class Progress(Protocol):
    """Is told how far an ingest is, and may end it between two parts; those that are done stay."""

    def begin(self, import_id: str, vendor: str, parts: Sequence[Estimate]) -> None:
        """It begins; so much is to be asked for, part by part."""

    def part(self, done: Estimate, rows: int) -> bool:
        """A part is written and noted, ``rows`` new ones by all parts so far; whether to go on to the next."""

    def end(self) -> None:
        """It has ended, however it did."""


class Bar:
    """A bar with rate and time left, where somebody looks."""

    _bar: Any = None

    def begin(self, import_id: str, vendor: str, parts: Sequence[Estimate]) -> None:  # noqa: ARG002
        """Show it."""
        from tqdm.auto import tqdm

        total = sum(each.rows for each in parts)
        self._bar = tqdm(total=total, desc=vendor, unit="row", unit_scale=True, leave=False, disable=None)

    def part(self, done: Estimate, rows: int) -> bool:  # noqa: ARG002
        """Move it on."""
        self._bar.update(done.rows)
        return True

    def end(self) -> None:
        """Take it away."""
        if self._bar is not None:
            self._bar.close()
