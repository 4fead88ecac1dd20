"""A vendor's datasets declared in `catalog/<name>.yaml`: which names and periods, since when; brought up to date."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import InputError, UnreadableFile, did_you_mean
from alphapulse_lib.ingestion import fetch
from alphapulse_lib.ingestion.fetch import Wanted
from alphapulse_lib.ingestion.plan import Plan
from alphapulse_lib.ingestion.report import Report
from alphapulse_lib.model.instrument import VENUES
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window
from alphapulse_lib.providers.registry import vendor, vendors

__all__ = ["Declaration", "ingest", "known_keys", "read"]

_KEYS = {"title", "provider", "universe", "periods", "history", "calendar", "feed"}


@dataclass(frozen=True, slots=True)
class Declaration:
    """A vendor's dataset.

    Attributes
    ----------
    provider : str
        The vendor.
    universe : tuple of str
        Its tickers; none where ``named`` says whose they are.
    periods : tuple of str
        Of bars.
    history : date
        The first day wanted.
    calendar : str
        The session calendar that all its names must trade by, such as ``"XNYS"``; ``""``: each by its own.
    feed : str or None
        The vendor's feed.
    named : str
        The universe of the catalog, such as ``"sp500"``, all of whose members since ``history`` are wanted.
    """

    name: str
    provider: str
    universe: tuple[str, ...]
    periods: tuple[str, ...]
    history: date
    calendar: str = ""
    feed: str | None = None
    named: str = ""

    @property
    def wanted(self) -> Wanted:
        """What is wanted of the vendor: all of it up to what is final."""
        return Wanted(
            self.universe, self.periods, self.history,
            feed=self.feed, title=self.name, calendar=self.calendar, universe=self.named,
        )  # fmt: skip


def read(path: Path, said: Mapping[str, Any]) -> Declaration:
    """A declaration, checked.

    Raises
    ------
    InputError
        A key is unknown, missing, or says what cannot be used.
    UnreadableFile
        The file that lists its universe cannot be read.
    """
    known_keys(said, _KEYS, path.name)
    lacking = [key for key in ("provider", "universe", "periods", "history") if not said.get(key)]
    if lacking:
        raise InputError(
            f"{path.name} does not say its {', '.join(lacking)}.",
            "A vendor's dataset needs provider, universe, periods and history; one of files needs files. "
            "See catalog/README.md.",
        )
    if said["provider"] not in vendors():
        raise InputError(
            f"{path.name}: no vendor is called {said['provider']!r}.",
            did_you_mean(str(said["provider"]), vendors()) or f"There are: {', '.join(vendors()) or 'none'}.",
        )
    periods = [said["periods"]] if isinstance(said["periods"], str) else said["periods"]
    if not isinstance(periods, list):
        raise InputError(f"{path.name}: periods are {said['periods']!r}.", "Such as [1d, 1m].")
    calendars = {each.calendar for each in VENUES.values()}
    calendar = str(said.get("calendar") or "")
    if calendar and calendar not in calendars:
        raise InputError(
            f"{path.name}: no venue has the calendar {calendar!r}.",
            did_you_mean(calendar, calendars) or f"Known: {', '.join(sorted(calendars))}.",
        )
    Window.of(said["history"])
    named = said["universe"] if _is_name(said["universe"]) else ""
    return Declaration(
        path.stem,
        said["provider"],
        () if named else _universe(path, said["universe"]),
        tuple(str(Period.parse(str(each))) for each in periods),
        said["history"],
        calendar,
        said.get("feed"),
        named,
    )


def ingest(path: Path, said: Mapping[str, Any], roots: Roots, *, dry_run: bool) -> Report | Plan:
    """Bring a declared dataset up to date: only what is missing is asked for."""
    dataset = read(path, said)
    wanted, source = dataset.wanted, vendor(dataset.provider)
    return fetch.plan(source, wanted, roots) if dry_run else fetch.run(source, wanted, roots)


def known_keys(said: Mapping[str, Any], keys: set[str], where: str) -> None:
    """Refuse a key that is not known.

    Raises
    ------
    InputError
        The hint names the nearest.
    """
    for key in said:
        if key not in keys:
            raise InputError(
                f"{where} has an unknown key {key!r}.", did_you_mean(str(key), keys) or f"Known: {sorted(keys)}."
            )


def _is_name(said: Any) -> bool:
    """Whether it is the name of a universe that the catalog holds, no list and no file of tickers."""
    return isinstance(said, str) and re.fullmatch(r"[\w-]+", said) is not None


def _universe(path: Path, said: Any) -> tuple[str, ...]:
    """The tickers: a list, or a file beside the declaration with one a line (``#`` begins a comment)."""
    if isinstance(said, list):
        return _tickers(said, path)
    listed = path.parent / str(said)
    try:
        lines = listed.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise UnreadableFile(
            f"{path.name} takes its universe from {said}, which cannot be read in {path.parent}.",
            "It is a list of tickers, or a file beside the declaration with one a line.",
        ) from None
    return _tickers([line.partition("#")[0].strip() for line in lines], path)


def _tickers(names: Iterable[Any], path: Path) -> tuple[str, ...]:
    chosen = [each for each in names if each != ""]
    strange = [each for each in chosen if not isinstance(each, str)]
    if strange:  # YAML reads the ticker ON as true
        raise InputError(f"{path.name}: {strange[0]!r} is no ticker.", 'Put it between quotes: "ON".')
    if not chosen:
        raise InputError(f"{path.name} has an empty universe.", "Name its tickers.")
    return tuple(dict.fromkeys(each.strip().upper() for each in chosen))
