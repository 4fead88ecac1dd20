"""A page in a file: it shows itself in a notebook and stands for its path everywhere else."""

from __future__ import annotations

from html import escape
from pathlib import Path

__all__ = ["Page"]


class Page:
    """One HTML file.

    Attributes
    ----------
    path : Path
        Where it is.

    Examples
    --------
    >>> str(Page(Path("sheet.html"), "<p>Hello</p>"))
    'sheet.html'
    """

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self._text = text

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"<Page {self.path}>"

    def _repr_html_(self) -> str:
        # A frame of its own: neither the page's style nor its script reaches the notebook.
        return (
            f'<iframe title="{escape(self.path.name)}" srcdoc="{escape(self._text)}" loading="lazy" '
            'style="width: 100%; height: 720px; border: 1px solid #8888; border-radius: 4px"></iframe>'
        )
