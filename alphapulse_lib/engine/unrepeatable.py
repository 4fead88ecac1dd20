"""Which calls of a strategy's source no rerun repeats: clocks that are not the engine's, and draws without a seed."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable

__all__ = ["unrepeatable"]

#: What reads the machine's clock, by the end of its name.
_CLOCKS = {
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
    *("Timestamp.now", "Timestamp.utcnow", "Timestamp.today"),
    *("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.perf_counter_ns"),
    *("time.localtime", "time.gmtime", "process_time"),
}
#: What draws from the system, whatever it is given.
_DRAWS = {"SystemRandom", "urandom", "uuid1", "uuid4", "token_bytes", "token_hex"}
#: What draws from the system where it is given no seed.
_SEEDED = {"default_rng", "Random", "RandomState", "SeedSequence", "PCG64", "random.seed"}


def unrepeatable(sources: Iterable[str]) -> tuple[str, ...]:
    """The calls, as they are written; a source that is no Python is passed over.

    Examples
    --------
    >>> unrepeatable(["if datetime.now().hour > 9: pass", "rng = np.random.default_rng()", "np.random.default_rng(7)"])
    ('datetime.now', 'np.random.default_rng')
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
                if _is_one(name, given=bool(node.args or node.keywords)):
                    found[name] = None
    return tuple(found)


def _is_one(name: str, *, given: bool) -> bool:
    ends = {name.rpartition(".")[2], ".".join(name.split(".")[-2:])}
    return bool(ends & (_CLOCKS | _DRAWS)) or (not given and bool(ends & _SEEDED)) or name.startswith("secrets.")
