"""Which vendors there are to be asked: those that workers tell of, for they are installed where workers run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml
from sqlalchemy import Engine, select

from alphapulse_lib.errors import did_you_mean
from hub.api.database import reading
from hub.api.ingests.store import require_declared
from hub.api.metrics.schema import KNOWN, MEASURES
from hub.api.problems import ProblemError

__all__ = ["require_dataset", "require_vendor"]


def require_vendor(engine: Engine, vendor: str, dataset: str = "") -> None:
    """Refuse a vendor that no worker knows; until one has told which it does, that is found out as it is asked.

    Parameters
    ----------
    dataset : str
        What names the vendor, where who asks did not.

    Raises
    ------
    ProblemError
        422: with those that there are, and the nearest of them.
    """
    with reading(engine) as connection:
        known = set(connection.execute(select(MEASURES.c.label).where(MEASURES.c.name == KNOWN)).scalars())
    if known and vendor not in known:
        of = f", of which {dataset!r} is declared to be" if dataset else ""
        hint = did_you_mean(vendor, known, f"There are: {', '.join(sorted(known))}.")
        raise ProblemError(422, f"No vendor is called {vendor!r}{of}.", hint)


def require_dataset(engine: Engine, dataset: str, declarations: Mapping[str, Path]) -> None:
    """Refuse a dataset that is not declared at this hub, or whose declaration names a vendor that there is not.

    Raises
    ------
    ProblemError
        404: it is not declared. 422: there is no such vendor.
    """
    require_declared(dataset, declarations)
    if vendor := _vendor_of(declarations[dataset]):
        require_vendor(engine, vendor, dataset)


def _vendor_of(declaration: Path) -> str:
    """The vendor that a declaration names; empty where it names none: what else is wrong with one its worker says."""
    try:
        said = yaml.safe_load(declaration.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        return ""
    named = said.get("provider") if isinstance(said, dict) else None
    return named if isinstance(named, str) else ""
