"""What tells all of itself in words: to `str`, in a terminal and in a notebook's cell alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from html import escape
from typing import Any, ClassVar

__all__ = ["Told"]


class Told(ABC):
    """Shown as its `text`."""

    #: The class of its HTML element.
    _kind: ClassVar[str] = ""

    def __init_subclass__(cls, **options: Any) -> None:
        """IPython asks a class for both before it looks at its bases, and a dataclass has a ``__repr__`` of its own."""
        super().__init_subclass__(**options)
        cls._repr_pretty_ = Told._repr_pretty_  # type: ignore[method-assign]

    @property
    @abstractmethod
    def text(self) -> str:
        """All of it in words."""

    def __str__(self) -> str:
        return self.text

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self) if cycle else self.text)

    def _repr_html_(self) -> str:
        return f'<pre class="{self._kind}">{escape(self.text)}</pre>'
