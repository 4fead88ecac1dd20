"""Which calls of a strategy's source read from outside of the catalog: a file, by SQL too, a database, a web page."""

from __future__ import annotations

import ast
import re
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
#: Where a query reads a file: a name in quotes, with or without a file's ending, or one of DuckDB's own readers.
_FILE = re.compile(
    r"""\b(?:from|join)\s+'[^']*'?|\b(?:from|join)\s+"[^"]*[./][^"]*"|'[^']+\.(?:csv|tsv|parquet|json|ndjson|xlsx)[^']*'"""
    r"""|\b(?:read_\w+|parquet_scan|sniff_csv|glob|sqlite_scan|postgres_scan|iceberg_scan|delta_scan)\s*\(""",
    re.IGNORECASE,
)
_QUERY = re.compile(r"\A\s*(?:select|from|with|describe|explain|summarize|pivot)\b", re.IGNORECASE)


def reads_outside(sources: Iterable[str]) -> tuple[str, ...]:
    r"""The calls, as they are written; a source that is no Python is passed over.

    Examples
    --------
    >>> reads_outside(["def load():\n    return pd.read_csv('signals.csv')", "class Quiet:\n    pass"])
    ('pd.read_csv',)
    >>> reads_outside(["duckdb.sql('FROM prices').fetchall()", "self.load(bar.open), np.load('past.npy')"])
    ('duckdb.sql', 'np.load')
    >>> reads_outside(["ap.sql(f\"SELECT * FROM '{FILE}'\")", "ap.sql('FROM bars_1d')"])
    ('sql("... FROM \'{FILE}\' ...")',)
    """
    found: dict[str, None] = {}
    for source in sources:
        try:
            tree = ast.parse(textwrap.dedent(source))
        except (SyntaxError, ValueError, RecursionError):  # what was captured is kept as Python shows it
            continue
        nodes = [*ast.walk(tree)]
        pieces = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in nodes:
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if name.rpartition(".")[2] in _READERS or _is_asked(name):
                    found[name] = None
            elif id(node) not in pieces and (read := _FILE.search(_query(node))):
                found[f'sql("... {read[0]} ...")'] = None
    return tuple(found)


def _is_asked(name: str) -> bool:
    """Whether a call asks somebody outside; of a chain of calls the first one does."""
    return name in _WHOLE or (name.startswith(_CLIENTS) and "(" not in name)


def _query(node: ast.AST) -> str:
    """The text of a query in SQL, with the names of what is filled in; nothing of all else."""
    if isinstance(node, ast.Constant):
        text = node.value if isinstance(node.value, str) else ""
    elif isinstance(node, ast.JoinedStr):
        text = "".join(map(_filled, node.values))
    else:
        return ""
    return text if _QUERY.search(text) else ""


def _filled(part: ast.expr) -> str:
    if isinstance(part, ast.FormattedValue):
        name = f"{{{ast.unparse(part.value)}}}"
        return f"'{name}'" if part.conversion == ord("r") else name
    return str(part.value) if isinstance(part, ast.Constant) else ""
