"""Where the code of two runs differs: part by part, a module that moved taken for the one that it was."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from alphapulse_lib.results.run import Run

__all__ = ["changed_code"]

_NONE = "\N{EM DASH}"


def changed_code(one: Run, other: Run) -> Iterator[tuple[str, tuple[str, str], str]]:
    """Each part of the code that is not the same: its name, its first line that differs in each, all that do."""
    if one.spec.strategy.digest == other.spec.strategy.digest:
        return
    moved = _moved(one, other)
    there = {here: name for name, here in moved.items()}
    texts = [_texts(one), {moved.get(name, name): text for name, text in _texts(other).items()}]
    found = False
    for name in dict.fromkeys((*texts[0], *texts[1])):
        mine, theirs = (each.get(name, "").splitlines() for each in texts)
        if mine == theirs:
            continue
        found = True
        heads = f"{name} ({one.id[:8]})", f"{there.get(name, name)} ({other.id[:8]})"
        detail = "\n".join(difflib.unified_diff(mine, theirs, *heads, lineterm="", n=2))
        yield name, _first_line(mine, theirs), detail
    if moved:
        yield "moved to another module", (_module(one), _module(other)), ""
    elif not found:
        digests = one.spec.strategy.digest[:12], other.spec.strategy.digest[:12]
        yield "something that it captures and that has no text", digests, ""


def _moved(one: Run, other: Run) -> dict[str, str]:
    """What the parts of the other's module are called here; empty unless the same class lies in another module."""
    here, there = _module(one), _module(other)
    if here == there or other.spec.strategy.name.removeprefix(there) != one.spec.strategy.name.removeprefix(here):
        return {}
    names = _texts(other).keys()
    moved = {name: f"{here}{name.removeprefix(there)}" for name in names if f"{name}.".startswith(f"{there}.")}
    return {} if names & {*moved.values()} else moved  # it may be made of what is called so, too


def _module(run: Run) -> str:
    return run.spec.strategy.name.partition(":")[0]


def _texts(run: Run) -> dict[str, str]:
    """What a run's strategy was made of; of old runs, the source of its class alone."""
    return {run.spec.strategy.name.replace(":", "."): run.spec.strategy.text} | run.code


def _first_line(one: list[str], other: list[str]) -> tuple[str, str]:
    """The first line that is not the same."""
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    first, second = (each[at].strip() if at < len(each) else _NONE for each in (one, other))
    return first, second
