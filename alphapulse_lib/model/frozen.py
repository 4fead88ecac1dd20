"""Mappings and lists that nobody changes: what a frozen value holds is to stay what its id was made of.

They equal a dict and a list, are written as JSON like these, and pickle; a ``types.MappingProxyType`` does neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from alphapulse_lib.errors import InputError

__all__ = ["FrozenDict", "FrozenList", "frozen", "thawed"]


def _refused(*_: Any, **__: Any) -> NoReturn:
    raise InputError(
        "What a spec holds cannot be changed: its id is made of it, and the run has run.",
        "Take a copy, dict(spec.parameters), or make another spec: "
        "dataclasses.replace(spec, parameters={**spec.parameters, 'fast': 5}).",
    )


class FrozenDict(dict[str, Any]):
    """A dict that refuses every change; ``|`` and ``dict(...)`` make ordinary ones of it."""

    __slots__ = ()

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refused

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenDict, (dict(self),)


class FrozenList(list[Any]):
    """A list that refuses every change; ``+`` and ``list(...)`` make ordinary ones of it."""

    __slots__ = ()

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refused
    append = clear = extend = insert = pop = remove = reverse = sort = _refused

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenList, (list(self),)


def frozen(value: Any) -> Any:
    """A copy of mappings and lists, and of those inside, that cannot be changed; all else as it is.

    Examples
    --------
    >>> frozen({"fast": 10, "levels": [1, 2]})
    {'fast': 10, 'levels': [1, 2]}
    """
    if isinstance(value, Mapping):
        return FrozenDict({name: frozen(each) for name, each in value.items()})
    return FrozenList(map(frozen, value)) if isinstance(value, list) else value


def thawed(value: Any) -> Any:
    """A copy of mappings and lists, and of those inside, that may be changed; all else as it is."""
    if isinstance(value, Mapping):
        return {name: thawed(each) for name, each in value.items()}
    return [thawed(each) for each in value] if isinstance(value, list) else value
