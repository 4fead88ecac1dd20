"""Commands in sentences, which stand between backticks there, as a page shows them."""

from __future__ import annotations

from markupsafe import Markup, escape

__all__ = ["coded"]


def coded(text: str) -> Markup:
    """A sentence as HTML: what stands between backticks is code, all of it is escaped.

    A text whose backticks do not come in pairs is nobody's sentence, and stays as it is.

    Examples
    --------
    >>> str(coded("`alphapulse runs` lists <them>."))
    '<code>alphapulse runs</code> lists &lt;them&gt;.'
    """
    parts = [escape(each) for each in text.split("`")]
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts))
