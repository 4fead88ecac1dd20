"""Providers by name: the built-in ones, then those that installed packages offer.

A package offers a provider by an entry point in the group ``alphapulse.providers`` whose value is a class with the
shape of `alphapulse_lib.providers.contract.Provider`, made without arguments. A built-in name cannot be taken.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points

from alphapulse_lib.errors import InputError, did_you_mean
from alphapulse_lib.providers.contract import Provider

__all__ = ["GROUP", "names", "provider"]

GROUP = "alphapulse.providers"

_BUILT_IN = {"files": "alphapulse_lib.providers.files:FilesProvider"}


def names() -> list[str]:
    """The names of all providers, sorted."""
    return sorted({*_BUILT_IN, *(each.name for each in entry_points(group=GROUP))})


def provider(name: str) -> Provider:
    """The provider of that name.

    Raises
    ------
    InputError
        No provider has that name.

    Examples
    --------
    >>> provider("files").name
    'files'
    """
    if name in _BUILT_IN:
        module, _, attribute = _BUILT_IN[name].partition(":")
        made: Provider = getattr(import_module(module), attribute)()
        return made
    for each in entry_points(group=GROUP):
        if each.name == name:
            found: Provider = each.load()()
            return found
    raise InputError(
        f"No provider is called {name!r}.", did_you_mean(name, names()) or f"There are: {', '.join(names())}."
    )
