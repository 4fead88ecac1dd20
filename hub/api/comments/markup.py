"""A comment's Markdown as HTML that can harm nobody, and the people it names.

The parser takes a time that grows with the text's length and no faster, whatever is in it: a comment of hostile
brackets costs the service what any other of its length does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import nh3
from pyromark import Markdown, Options

from hub.api.problems import ProblemError

__all__ = ["Words", "html", "mentioned", "rendered"]

_TAGS = {
    *("p", "br", "hr", "em", "strong", "del", "code", "pre", "blockquote", "ul", "ol", "li", "a"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "code": {"class"}}
#: A name after an @ that does not stand inside a word or an address; it may be an address, as an identity provider's.
_NAME = re.compile(r"(?<![\w@./])@([a-z0-9_][a-z0-9_.+-]{0,62}(?:@[a-z0-9][a-z0-9.-]{0,126})?)", re.IGNORECASE)

_PARSER = Markdown(options=Options.ENABLE_TABLES | Options.ENABLE_STRIKETHROUGH)
_MOST_NAMED, _MOST_HTML, _DEEPEST = 50, 200_000, 30


class Words(NamedTuple):
    """What readers are shown of a comment's text."""

    html: str
    mentions: tuple[str, ...]


def rendered(body: str) -> Words:
    """A comment's HTML and whom it names.

    Raises
    ------
    ProblemError
        422: it names more people than a comment may, is nested too deep, or its tables unfold to more than a page can
        show.
    """
    mentions = mentioned(body)
    if len(mentions) > _MOST_NAMED:
        raise ProblemError(422, f"The comment names {len(mentions)} people.", f"Name {_MOST_NAMED} at most.")
    return Words(html(body), mentions)


def html(body: str) -> str:
    r"""The Markdown as HTML without scripts, styles, images or handlers; links open apart and say nothing of us.

    Raises
    ------
    ProblemError
        422: it is nested too deep, or unfolds to more than a page can show.

    Examples
    --------
    >>> html("**up** <script>alert(1)</script>")
    '<p><strong>up</strong> &lt;script&gt;alert(1)&lt;/script&gt;</p>\n'
    """
    text = _without_html(body)
    depth = deepest = 0
    for event in _PARSER.events(text):
        depth += isinstance(event, dict) and (("Start" in event) - ("End" in event))
        deepest = max(deepest, depth)
    if deepest > _DEEPEST:
        raise ProblemError(422, f"The comment is nested {deepest} deep.", f"Quotes and lists may be {_DEEPEST} deep.")
    found = _PARSER.html(text)
    if len(found) > _MOST_HTML:
        raise ProblemError(
            422, f"The comment unfolds to {len(found):,} characters of HTML.", "Make its tables smaller."
        )
    return nh3.clean(
        found,
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
    >>> mentioned("@ann@example.org, and @bob.")
    ('ann@example.org', 'bob')
    """
    names = [name.lower().rstrip(".+-") for text in _texts(_without_html(body)) for name in _NAME.findall(text)]
    return tuple(dict.fromkeys(name for name in names if name))


def _texts(body: str) -> Iterator[str]:
    in_code = False
    for event in _PARSER.events(body):
        match event:
            case {"Start": {"CodeBlock": _}}:
                in_code = True
            case {"End": "CodeBlock"}:
                in_code = False
            case {"Text": str(text)} if not in_code:
                yield text


def _without_html(body: str) -> str:
    """The same text with its HTML as words: who writes ``List<int>`` wants it read, not swallowed."""
    if "<" not in body:
        return body
    raw, places = body.encode(), []
    for event, where in _PARSER.events_with_range(body):
        if isinstance(event, dict) and ("Html" in event or "InlineHtml" in event):
            places.append((where["start"], where["end"]))
    parts, done = [], 0
    for start, end in places:
        parts += [raw[done:start], raw[start:end].replace(b"<", b"&lt;")]
        done = end
    return b"".join((*parts, raw[done:])).decode()
