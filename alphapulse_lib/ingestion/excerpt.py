"""The files of a few series of a catalog: a small catalog of their own, which can be sent somewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib.catalog import datasets, layout, storage
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.publish import locked, publish_table
from alphapulse_lib.catalog.schemas import ACTIONS
from alphapulse_lib.ingestion.publication import require_held
from alphapulse_lib.ingestion.records import DECLARED, adjusted_series
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period

__all__ = ["adjusted", "files"]


def files(
    own: PurePath, beside: Path, instruments: Sequence[Instrument], period: Period
) -> Iterator[tuple[str, PurePath]]:
    """Where each file lies in a catalog of these series alone, and where it can be read now.

    Parameters
    ----------
    own : PurePath
        The root that holds the series: all versions of their bars are read there.
    beside : Path
        An empty folder, into which the instruments, listings and actions of these series alone are written.

    Raises
    ------
    InputError
        A series is not held.
    """
    published = [file for each in instruments for file in require_held(own, each, period)]
    ids = {each.id for each in instruments}
    Index(beside).add(instruments, [each for each in Index(own).listings() if each.instrument_id in ids])
    actions = datasets.held_versions(own, own / layout.ACTIONS, ACTIONS)
    actions = actions.filter(pc.is_in(actions["instrument_id"].cast(pa.string()), pa.array(sorted(ids))))
    if actions.num_rows:
        with locked(beside):
            publish_table(beside, beside / layout.ACTIONS, actions.unify_dictionaries())
    for file in layout.all_parquet(beside):
        yield file.relative_to(beside).as_posix(), file
    for file in published:
        for each in (file, layout.superseded(own, file)):
            if storage.exists(each):
                yield each.relative_to(own).as_posix(), each


def adjusted(own: PurePath, instruments: Sequence[Instrument], period: Period) -> list[str]:
    """The ids of those whose prices were declared adjusted."""
    marks = adjusted_series(own)
    return [each.id for each in instruments if marks.get(period.bar_type(each.id), "").startswith(DECLARED)]
