"""Which calls of a strategy's source read from outside of the catalog: a file, a database, a web page."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable

__all__ = ["reads_outside"]

#: What reads is called so: Python's own, pandas', polars', numpy's and Arrow's.
_READERS = {
    *("open", "read_text", "read_bytes", "urlopen", "urlretrieve", "loadtxt", "genfromtxt", "fromfile", "memmap"),
    *(
        f"read_{kind}"
        for kind in ("csv", "parquet", "table", "json", "excel", "feather", "pickle", "sql", "hdf", "ipc")
    ),
    *(f"scan_{kind}" for kind in ("csv", "parquet", "ipc", "ndjson")),
    *("ParquetFile", "ParquetDataset", "HDFStore", "memory_map", "open_dataset"),
}
#: Whatever these are asked for comes over the network, out of a database or from another program.
_CLIENTS = ("requests.", "httpx.", "urllib3.", "aiohttp.", "yf.", "yfinance.", "duckdb.", "sqlite3.", "subprocess.")
#: Reads by a name that other things have too.
_WHOLE = {f"{library}.load" for library in ("np", "numpy", "joblib", "torch")} | {"ds.dataset"}


def reads_outside(sources: Iterable[str]) -> tuple[str, ...]:
    r"""The calls, as they are written; a source that is no Python is passed over.

    Examples
    --------
    >>> reads_outside(["def load():\n    return pd.read_csv('signals.csv')", "class Quiet:\n    pass"])
    ('pd.read_csv',)
    >>> reads_outside(["duckdb.sql('FROM prices').fetchall()", "self.load(bar.open), np.load('past.npy')"])
    ('duckdb.sql', 'np.load')
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
                if name.rpartition(".")[2] in _READERS or _is_asked(name):
                    found[name] = None
    return tuple(found)


def _is_asked(name: str) -> bool:
    """Whether a call asks somebody outside; of a chain of calls the first one does."""
    return name in _WHOLE or (name.startswith(_CLIENTS) and "(" not in name)
