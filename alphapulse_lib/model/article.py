"""An article, with the two times that decide who could have read it when."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Article"]


@dataclass(frozen=True, slots=True)
class Article:
    """One revision of one article. All times are nanoseconds since 1970, UTC.

    Attributes
    ----------
    id : str
        Permanent within its source; the revisions of an article share it.
    published_at : int
        The source's own stamp.
    available_at : int
        When somebody in the market could first have read this revision.
    symbols : tuple of str
        Instruments its source says it is about (ids such as ``"AAPL.XNAS"``); mentions are found besides.
    """

    id: str
    source: str
    published_at: int
    available_at: int
    headline: str
    body: str = ""
    url: str = ""
    symbols: tuple[str, ...] = ()
