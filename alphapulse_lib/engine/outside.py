"""Which calls of a strategy's source read from outside of the catalog: a file, a database, a web page."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable

__all__ = ["reads_outside"]

#: What reads is called so: Python's own, pandas', polars' and numpy's.
_READERS = {
    *("open", "read_text", "read_bytes", "urlopen", "urlretrieve", "loadtxt", "genfromtxt", "fromfile", "memmap"),
    *(f"read_{kind}" for kind in ("csv", "parquet", "table", "json", "excel", "feather", "pickle", "sql")),
    *(f"scan_{kind}" for kind in ("csv", "parquet", "ipc", "ndjson")),
}
#: Whatever these are asked for comes over the network.
_CLIENTS = ("requests.", "httpx.")


def reads_outside(sources: Iterable[str]) -> tuple[str, ...]:
    r"""The calls, as they are written; a source that is no Python is passed over.

    Examples
    --------
    >>> reads_outside(["def load():\n    return pd.read_csv('signals.csv')", "class Quiet:\n    pass"])
    ('pd.read_csv',)
    """
    found: dict[str, None] = {}
    for source in sources:
        try:
            tree = ast.parse(textwrap.dedent(source))
        except (SyntaxError, ValueError, RecursionError):  # what was captured is kept as Python shows it
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if name.rpartition(".")[2] in _READERS or name.startswith(_CLIENTS):
                    found[name] = None
    return tuple(found)
