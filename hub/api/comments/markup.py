"""A comment's Markdown as HTML that can harm nobody, and the people it names."""

from __future__ import annotations

import re
from functools import cache

import nh3
from markdown_it import MarkdownIt

__all__ = ["html", "mentioned"]

_TAGS = {
    *("p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "code": {"class"}, "th": {"align"}, "td": {"align"}}
#: A name after an @ that does not stand inside a word or an address.
_NAME = re.compile(r"(?<![\w@./])@([a-z0-9_][a-z0-9_.+-]{0,62})", re.IGNORECASE)


def html(body: str) -> str:
    r"""The Markdown as HTML without scripts, styles, images or handlers; links open apart and say nothing of us.

    Examples
    --------
    >>> html("**up** <script>alert(1)</script>")
    '<p><strong>up</strong> &lt;script&gt;alert(1)&lt;/script&gt;</p>\n'
    """
    return nh3.clean(
        _parser().render(body),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


def mentioned(body: str) -> tuple[str, ...]:
    """The names after an ``@`` in the text, code left out; in lower case, as the hub writes names, each once.

    Examples
    --------
    >>> mentioned("@Ada look at `@property`, and ask bob@example.com")
    ('ada',)
    """
    found = []
    for token in _parser().parse(body):
        for part in token.children or ():
            if part.type == "text":
                found += [name.lower().rstrip(".+-") for name in _NAME.findall(part.content)]
    return tuple(dict.fromkeys(name for name in found if name))


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": 20}).enable(
        ["table", "strikethrough"]
    )
