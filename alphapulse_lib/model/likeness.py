"""How alike the sources of two strategies are, whatever their names are called.

The measure is the resemblance of Broder (1997, "On the resemblance and containment of documents"): of two texts, the
distinct runs of so many tokens that both hold, over those that either holds; as it is used to find copied programs
(Schleimer, Wilkerson and Aiken 2003, "Winnowing: local algorithms for document fingerprinting", the method of Moss).
Comments, docstrings and layout are none of a program's tokens; numbers and texts each count as one, whatever they say;
so do all names, but for those that nobody renames at will: Python's words, the handlers that an engine calls
(``on_bar``), and what is called without being defined in the text itself (``submit_order``, ``SimpleMovingAverage``).
"""

from __future__ import annotations

import hashlib
import io
import keyword
import textwrap
import tokenize
from collections.abc import Iterator
from itertools import pairwise

__all__ = ["ALIKE", "likeness", "shingles"]

#: From here on two strategies are one idea. Renaming leaves 1, edits of a few lines 0.7 and more; different strategies
#: of one author, who writes orders and subscriptions the same way each time, stay below 0.35.
ALIKE = 0.5

#: Tokens of one run: shorter ones are in every program, longer ones are lost with each edit.
_RUN = 5

_SILENT = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER, tokenize.FSTRING_MIDDLE}
_SILENT |= {tokenize.FSTRING_END, tokenize.INDENT, tokenize.DEDENT}


def shingles(source: str) -> frozenset[int]:
    """A text's runs of tokens, each as a number.

    Parameters
    ----------
    source : str
        Python's; of one that cannot be read to its end, what could be.

    Returns
    -------
    frozenset of int
        Empty for a text without tokens.

    Examples
    --------
    >>> shingles("def f(a): return a + 1") == shingles("def g(b): return b + 2  # other names")
    True
    """
    words = list(_folded(source))
    runs = {"\0".join(words[place : place + _RUN]) for place in range(max(len(words) - _RUN, 0) + 1)} if words else ()
    # A digest, for Python's own hash is another one in each process.
    return frozenset(int.from_bytes(hashlib.blake2b(each.encode(), digest_size=8).digest()) >> 1 for each in runs)


def likeness(one: frozenset[int], other: frozenset[int]) -> float:
    """From 0, nothing in common, to 1, the same but for names.

    Examples
    --------
    >>> likeness(frozenset({1, 2, 3}), frozenset({2, 3, 4}))
    0.5
    """
    return len(one & other) / len(one | other) if one or other else 0.0


def _folded(source: str) -> Iterator[str]:
    """The tokens that count, names that anybody may choose as one."""
    read = [each for each in _tokens(source) if each.type not in _SILENT]
    texts = [each.string for each in read]
    own = {after for before, after in pairwise(texts) if before in ("def", "class")}
    fresh = True  # at a statement's beginning, where a text alone is a docstring
    for place, token in enumerate(read):
        following = texts[place + 1] if place + 1 < len(read) else ""
        if token.type == tokenize.NEWLINE:
            fresh = True
            continue
        if not (fresh and token.type == tokenize.STRING and (not following or "\n" in following)):
            yield _word(token, following, own)
        fresh = token.string == ":"


def _word(token: tokenize.TokenInfo, following: str, own: set[str]) -> str:
    if token.type == tokenize.NUMBER:
        return "0"
    if token.type in (tokenize.STRING, tokenize.FSTRING_START):
        return "''"
    if token.type != tokenize.NAME or keyword.iskeyword(token.string):
        return token.string
    kept = token.string.startswith("on_") or (following == "(" and token.string not in own)
    return token.string if kept else "name"


def _tokens(source: str) -> Iterator[tokenize.TokenInfo]:
    try:
        yield from tokenize.generate_tokens(io.StringIO(textwrap.dedent(source)).readline)
    except (tokenize.TokenError, SyntaxError, UnicodeDecodeError):  # Python itself raises the last of a letter it cuts
        return
