"""A vendor whose list of instruments is asked for once, not once a request."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
from pyarrow import feather

from alphapulse_lib.providers.contract import Batch, Estimate, Fetch, Paced, Vendor

__all__ = ["Listed"]

#: Seconds for which a list is believed: a ticker that is new today is found today.
_LIVES = 3600.0


class Listed:
    """A vendor, and its list in a file: it outlives the worker.

    Parameters
    ----------
    vendor : Vendor
        Who is asked for everything else, as ever.
    folder : Path
        Where the list is kept.
    """

    def __init__(self, vendor: Vendor, folder: Path) -> None:
        self._vendor, self._file = vendor, folder / f"{vendor.name}.arrow"
        self.name, self.kinds, self.periods = vendor.name, vendor.kinds, vendor.periods

    def instruments(self, at: date | None = None) -> pa.Table:
        """See `Vendor.instruments`; of today at most an hour old."""
        if at is not None:
            return self._vendor.instruments(at)
        kept = self._kept()
        if kept is None:
            kept = self._vendor.instruments()
            self._keep(kept)
        return kept

    def estimate(self, fetch: Fetch) -> Estimate:
        """See `Vendor.estimate`."""
        return self._vendor.estimate(fetch)

    def fetch(self, fetch: Fetch) -> Iterator[Batch]:
        """See `Vendor.fetch`."""
        return self._vendor.fetch(fetch)

    def final_until(self, kind: str, period: str | None = None) -> int:
        """See `Vendor.final_until`."""
        return self._vendor.final_until(kind, period)

    def seconds_for(self, calls: int) -> float:
        """See `Paced`; of a vendor without a budget nothing."""
        return self._vendor.seconds_for(calls) if isinstance(self._vendor, Paced) else 0.0

    def _kept(self) -> pa.Table | None:
        try:
            if time.time() - self._file.stat().st_mtime > _LIVES:
                return None
            return feather.read_table(self._file, memory_map=False)
        except (FileNotFoundError, pa.ArrowException):  # a file that cannot be read is made again
            return None

    def _keep(self, listing: pa.Table) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = self._file.with_suffix(".partial")
        feather.write_feather(listing, beside)
        beside.replace(self._file)
