"""Whether memory ran out: Linux counts, for each container, what it killed for that."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

__all__ = ["kills", "limit", "ran_out"]

_ROOT = Path("/sys/fs/cgroup")
#: Where the count and the limit are, in the two kinds of control groups.
_KINDS = ((_ROOT, "memory.events", "memory.max"), (_ROOT / "memory", "memory.oom_control", "memory.limit_in_bytes"))
_NO_LIMIT = 2**60


def kills() -> int:
    """How many processes of this container were killed for want of memory; 0 outside of one."""
    for root, events, _ in _KINDS:
        with suppress(OSError, ValueError):
            counts = dict(line.split() for line in (root / events).read_text().splitlines())
            return int(counts.get("oom_kill", 0))
    return 0


def limit() -> int | None:
    """How many bytes all processes of this container may hold; ``None`` where that is not limited."""
    for root, _, most in _KINDS:
        with suppress(OSError, ValueError):  # "max"
            found = int((root / most).read_text())
            return found if found < _NO_LIMIT else None
    return None


def ran_out(before: int) -> str:
    """What to say where memory ran out since ``before`` was counted; empty where it did not."""
    if kills() <= before:
        return ""
    most = limit()
    return "Memory ran out" + (f": its server may hold {most / 1e6:,.0f} MB" if most else "")
