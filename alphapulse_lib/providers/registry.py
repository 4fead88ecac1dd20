"""Sources of data by name: the built-in ones, then those that installed packages offer.

A package offers a provider by an entry point in the group ``alphapulse.providers``, a vendor by one in the group
``alphapulse.vendors``; the value is a class with the shape of `alphapulse_lib.providers.contract.Provider` or `Vendor`,
made without arguments. A built-in name cannot be taken.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from alphapulse_lib.errors import InputError, did_you_mean
from alphapulse_lib.providers.contract import Provider, Vendor

__all__ = ["GROUP", "VENDORS", "is_vendor", "names", "provider", "vendor", "vendors"]

GROUP = "alphapulse.providers"
#: The group of entry points in which packages offer vendors.
VENDORS = "alphapulse.vendors"

_BUILT_IN: dict[str, dict[str, str]] = {
    GROUP: {
        "files": "alphapulse_lib.providers.files:FilesProvider",
        "nautilus": "alphapulse_lib.providers.nautilus:NautilusProvider",
    },
    VENDORS: {"alpaca": "alphapulse_lib.providers.alpaca:Alpaca"},
}


def names() -> list[str]:
    """The names of all providers, sorted."""
    return _names(GROUP)


def vendors() -> list[str]:
    """The names of all vendors, sorted."""
    return _names(VENDORS)


def is_vendor(name: str) -> bool:
    """Whether a vendor has that name. Of what is built in that is told without looking through all packages."""
    return name in _BUILT_IN[VENDORS] or (name not in _BUILT_IN[GROUP] and name in vendors())


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
    made: Provider = _made(GROUP, name)
    return made


def vendor(name: str) -> Vendor:
    """The vendor of that name.

    Raises
    ------
    InputError
        No vendor has that name.
    """
    made: Vendor = _made(VENDORS, name)
    return made


def _names(group: str) -> list[str]:
    return sorted({*_BUILT_IN[group], *(each.name for each in entry_points(group=group))})


def _made(group: str, name: str) -> Any:
    if name in _BUILT_IN[group]:
        module, _, attribute = _BUILT_IN[group][name].partition(":")
        return getattr(import_module(module), attribute)()
    for each in entry_points(group=group, name=name):
        return each.load()()
    every = sorted({*names(), *vendors()})
    raise InputError(f"No provider is called {name!r}.", did_you_mean(name, every) or f"There are: {', '.join(every)}.")
