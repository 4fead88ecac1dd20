"""What a parameter's value is: plain in a spec, which is JSON; of the kind that its annotation says in a strategy."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum, Flag
from typing import Any

from nautilus_trader.model import BarType, Currency, InstrumentId, Money, Price, Quantity, Venue

from alphapulse_lib.engine.source import named_member
from alphapulse_lib.errors import InputError, StrategyUnusable, did_you_mean

__all__ = ["NAUTILUS", "is_member", "plain_value", "typed", "without_none"]

NAUTILUS = (InstrumentId, BarType, Venue, Currency, Price, Quantity, Money)


def is_member(value: Any) -> bool:
    """Whether it is a member of an enumeration, Python's or NautilusTrader's."""
    return isinstance(value, Enum) or named_member(value) is not None


def plain_value(name: str, value: Any) -> Any:
    """A parameter's value in what JSON can hold: a spec's id is the hash of its JSON.

    Raises
    ------
    InputError
        It is one that no spec can hold.

    Examples
    --------
    >>> from nautilus_trader.model import OrderSide
    >>> plain_value("size", Decimal("1.50")), plain_value("side", OrderSide.BUY)
    ('1.50', 'BUY')
    """
    if is_member(value):
        return _plain_member(name, value)
    if isinstance(value, (*NAUTILUS, Decimal, datetime, date)):
        return str(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        plain = value.item()
        if isinstance(plain, int) and getattr(value.dtype, "kind", "") in ("m", "M"):
            plain = value.astype(f"{value.dtype.kind}8[us]").item()  # a time in nanoseconds, not a count of them
        return plain_value(name, float(plain) if hasattr(plain, "item") else plain)
    if isinstance(value, list | tuple):
        return [plain_value(name, each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): plain_value(name, each) for key, each in value.items()}
    try:
        json.dumps(value, allow_nan=False)
        if b"\0" in str(value).encode():  # no database takes a NUL, no file half a character
            raise ValueError
    except (TypeError, ValueError):
        how = "Give numbers, text, true or false, lists and mappings of these."
        if dataclasses.is_dataclass(value):
            how = (
                f"Give a mapping of what differs from {type(value).__name__}'s defaults, such as {_first_field(value)}."
            )
        raise InputError(f"params: {name}={value!r} cannot be kept in a spec.", how) from None
    return value


def typed(name: str, value: Any, hint: Any) -> Any:
    """The value as its annotation wants it.

    Raises
    ------
    InputError, StrategyUnusable
        It is of another kind; what is annotated as a dataclass names what is not there.
    """
    kind = without_none(hint)
    if typing.get_origin(kind) is typing.Literal and value is not None:
        return _among(name, value, typing.get_args(kind))
    if value is None or not isinstance(kind, type):
        return _collected(name, value, kind)
    if members := _members(kind):
        return _member(name, value, kind, members)
    if dataclasses.is_dataclass(kind):
        return _instance(name, value, kind)
    try:
        if kind in NAUTILUS and isinstance(value, str):
            return Currency.from_str(value) if kind is Currency else kind.from_str(value)
        if kind is Decimal and isinstance(value, int | float | str):
            return Decimal(str(value))
        if kind is timedelta and isinstance(value, int | float):
            return timedelta(seconds=value)
        if kind in (date, datetime) and isinstance(value, str):
            return kind.fromisoformat(value)
    except (ValueError, ArithmeticError) as refused:
        raise InputError(f"params: {name}={value!r} is not a {kind.__name__}: {refused}") from None
    if kind in (timedelta, date, datetime) and not isinstance(value, kind):
        how = "Give it in seconds, as a number." if kind is timedelta else "Such as '2010-01-04'."
        raise InputError(f"params: {name}={value!r} is not a {kind.__name__}.", how)
    if kind is tuple and isinstance(value, list):
        return tuple(value)
    if isinstance(value, Mapping) and not _is_mapping(kind):
        raise InputError(
            f"params: {name} is a {kind.__name__}, which no mapping is made into.",
            "Make it a dataclass of plain fields.",
        )
    wanted: Any = {int: int, float: (int, float), str: str, bool: bool}.get(kind)
    if wanted and (not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool)):
        raise InputError(f"params: {name}={value!r} is not {'an' if kind is int else 'a'} {kind.__name__}.")
    return value


def without_none(hint: Any) -> Any:
    """What an annotation says besides None, where that is one thing."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        rest = [each for each in typing.get_args(hint) if each is not type(None)]
        return rest[0] if len(rest) == 1 else hint
    return hint


def _members(kind: type) -> dict[str, Any]:
    """The members of an enumeration by their names; none of what is no enumeration."""
    if issubclass(kind, Enum):
        return dict(kind.__members__)
    return {name: each for name, each in vars(kind).items() if type(each) is kind and named_member(each) is not None}


def _plain_member(name: str, member: Any) -> Any:
    """A member of Python's by its value, where a spec can hold that; else by its name, as of NautilusTrader's."""
    if isinstance(member, Enum):
        try:
            return plain_value(name, member.value)
        except InputError:
            pass
    return member.name


def _member(name: str, value: Any, kind: type, members: dict[str, Any]) -> Any:
    """The member that a spec, or somebody who typed it, means by its value or its name."""
    if isinstance(value, kind):
        return value
    for each in members.values():
        plain = _plain_member(name, each)
        if type(plain) is type(value) and plain == value:
            return each
    if isinstance(value, str) and value in members:
        return members[value]
    if issubclass(kind, Flag) and isinstance(value, int):
        return kind(value)
    raise InputError(
        f"params: {name}={value!r} is no {kind.__name__}.",
        did_you_mean(str(value), members, f"It has {', '.join(members)}."),
    )


def _among(name: str, value: Any, choices: Iterable[Any]) -> Any:
    """The one of a few values that it is."""
    choices = tuple(choices)
    for each in choices:
        plain = plain_value(name, each)
        if value is each or (type(plain) is type(value) and plain == value):
            return each
    told = [str(plain_value(name, each)) for each in choices]
    raise InputError(
        f"params: {name}={value!r} is none of {', '.join(map(repr, choices))}.", did_you_mean(str(value), told)
    )


def _first_field(value: Any) -> dict[str, Any]:
    return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)[:1]}


def _is_mapping(kind: type) -> bool:
    """Whether what is annotated so may be a mapping."""
    try:
        return issubclass(kind, Mapping) or issubclass(dict, kind)
    except TypeError:  # a protocol cannot tell
        return True


def _instance(name: str, value: Any, kind: type) -> Any:
    """A dataclass's instance from a mapping of its fields, each as its annotation wants it."""
    if isinstance(value, kind):
        return value
    names = [each.name for each in dataclasses.fields(kind) if each.init]
    has = f"{kind.__name__} has {', '.join(names) or 'no fields'}."
    if not isinstance(value, Mapping):
        raise InputError(f"params: {name}={value!r} is no {kind.__name__}.", f"Give a mapping of its fields: {has}")
    if strange := [str(each) for each in value if each not in names]:
        raise InputError(f"params: {name} has no {strange[0]!r}.", did_you_mean(strange[0], names, has))
    try:
        hints = typing.get_type_hints(kind)
        return kind(**{each: typed(f"{name}.{each}", held, hints[each]) for each, held in value.items()})
    except NameError as unknown:
        raise StrategyUnusable(
            f"{kind.__name__} is annotated with a name that is not known where it is made: {unknown.name!r}.",
            "Leave `from __future__ import annotations` out, or put the class into a file; no `if TYPE_CHECKING:`.",
        ) from None
    except (TypeError, ValueError) as refused:
        raise InputError(f"params: {name}={value!r} makes no {kind.__name__}: {refused}.", has) from None


def _collected(name: str, value: Any, kind: Any) -> Any:
    """A list as the collection that is asked for; its members, or a mapping's, of an enumeration or a dataclass."""
    *_, of = (None, *typing.get_args(kind)[: 1 if isinstance(value, list) else 2])
    if isinstance(of, type) and (_members(of) or dataclasses.is_dataclass(of)):
        if isinstance(value, list):
            value = [typed(name, each, of) for each in value]
        elif isinstance(value, Mapping):
            value = {key: typed(f"{name}.{key}", each, of) for key, each in value.items()}
    return tuple(value) if isinstance(value, list) and typing.get_origin(kind) is tuple else value
