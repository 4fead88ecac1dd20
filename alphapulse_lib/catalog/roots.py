"""Which folders are read, and which one is written.

Two roots: the team's, and inside a hub a person's own, laid over it. A series that the person's own root holds
replaces the team's whole series for that person, so rows of the two are never mixed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from alphapulse_lib.catalog import layout, storage
from alphapulse_lib.errors import CatalogEmpty, CatalogFormat
from alphapulse_lib.location import location

__all__ = ["FORMAT", "Roots"]

#: The version of the layout; a catalog of a later one is refused. From 2 on every bar file has its floats (`floats`).
FORMAT = 2

_HOW_TO_FILL = "Run `make up` or `alphapulse ingest sample` for the bundled sample, or import your own: `ap.ingest`."


@dataclass(frozen=True, slots=True)
class Roots:
    """The catalogs one person sees.

    Attributes
    ----------
    team : PurePath
        The team's catalog.
    personal : PurePath, optional
        The person's own, which overlays the team's; ``None`` outside a hub.

    Examples
    --------
    >>> Roots.of("/srv/catalog").writable
    PosixPath('/srv/catalog')
    >>> str(Roots.of("s3://desk/catalog").team)
    's3://desk/catalog'
    """

    team: PurePath
    personal: PurePath | None = None

    @classmethod
    def of_settings(cls) -> Roots:
        """The roots that the settings name."""
        from alphapulse_lib.settings import settings  # a run's process is told its roots, and needs no settings

        current = settings()
        return cls(current.catalog_root, current.personal_catalog)

    @classmethod
    def of(cls, place: Roots | PurePath | str) -> Roots:
        """Roots as they are; a bare folder, or ``s3://bucket/prefix``, as a team's catalog alone."""
        return place if isinstance(place, Roots) else cls(location(place))

    @property
    def all(self) -> tuple[tuple[str, PurePath], ...]:
        """Name and folder of each root, the one that wins first."""
        own = (("personal", self.personal),) if self.personal else ()
        return (*own, ("team", self.team))

    @property
    def writable(self) -> PurePath:
        """Where this person's imports go: the own root where there is one, else the team's."""
        return self.personal or self.team

    def series(self, bar_type: str) -> tuple[str, PurePath] | None:
        """The root a series is read from, by name and folder; ``None`` when neither holds it."""
        for name, root in self.all:
            if any(layout.parquet_files(layout.bars_folder(root, bar_type))):
                return name, root
        return None

    def all_series(self) -> Iterator[tuple[str, str, PurePath, list[PurePath]]]:
        """Each series held, once: bar type, root's name, root, its files by time; by bar type within a root."""
        seen = set()
        for name, root in self.all:
            for bar_type, paths in sorted(layout.series(root).items()):
                if bar_type not in seen:
                    seen.add(bar_type)
                    yield bar_type, name, root, paths

    def require(self) -> None:
        """Refuse a catalog nothing was ever written to, and one of a later format.

        Raises
        ------
        CatalogEmpty
            No root has been written to.
        CatalogFormat
            A root was written by a later AlphaPulse.
        """
        if not [root for _, root in self.all if format_of(root)]:
            places = " and ".join(str(root) for _, root in self.all)
            raise CatalogEmpty(f"The catalog is empty: nothing was ever written to {places}.", _HOW_TO_FILL)


def format_of(root: PurePath) -> int:
    """The format a root was written in; 0 when it was never written to.

    Raises
    ------
    CatalogFormat
        It is later than this AlphaPulse's, or its ``catalog.json`` cannot be read.
    """
    found = stamped(root)
    if found > FORMAT:
        raise CatalogFormat(
            f"The catalog {root} has format {found}; this AlphaPulse reads up to {FORMAT}.", "Upgrade AlphaPulse."
        )
    return found


def stamped(root: PurePath) -> int:
    """The format that a root's ``catalog.json`` says, whatever that is; 0 where there is none.

    Raises
    ------
    CatalogFormat
        It says none.
    """
    stamp = root / layout.STAMP
    try:
        return int(json.loads(storage.read(stamp))["format"])
    except FileNotFoundError:
        return 0
    except (ValueError, KeyError, TypeError):
        raise CatalogFormat(
            f"{stamp} does not say which format the catalog has.",
            f'Restore it from a copy; what this AlphaPulse writes there is {{"format": {FORMAT}}}.',
        ) from None
