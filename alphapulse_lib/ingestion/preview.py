"""What an import of files would read: reckoned from their sizes, footers and first lines; nothing is imported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alphapulse_lib.errors import InputError
from alphapulse_lib.providers.contract import Provider, Request, Source

__all__ = ["Preview", "preview"]

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would read; nothing was written.

    Attributes
    ----------
    provider : str
        Who would read it.
    rows, bytes : int
        Of all files together; the rows of text are reckoned from its first lines.
    files : tuple of Source
        ``name``, ``rows`` and ``bytes`` of each.
    """

    provider: str
    rows: int
    bytes: int
    files: tuple[Source, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        files = [{"name": each.name, "rows": each.rows, "bytes": each.bytes} for each in self.files]
        return {"provider": self.provider, "rows": self.rows, "bytes": self.bytes, "files": files}

    def __str__(self) -> str:
        count = f"{len(self.files):,} file{'' if len(self.files) == 1 else 's'}"
        lines = [f"{self.provider} would read {count}, about {self.rows:,} rows, {self.bytes / 1e6:,.1f} MB."]
        lines += [f"  {each.name}: {each.rows:,} rows, {each.bytes / 1e6:,.1f} MB" for each in self.files[:_SHOWN]]
        more = len(self.files) - _SHOWN
        return "\n".join([*lines, f"  and {more:,} more."] if more > 0 else lines)

    __repr__ = __str__


def preview(provider: Provider, requests: Sequence[Request]) -> Preview:
    """What `importer.ingest` of the same would read.

    Raises
    ------
    IngestError, InputError
        A file is missing or is no data, or the provider has no rows of that kind.
    """
    files: list[Source] = []
    for request in (part for each in requests for part in provider.requests(each)):
        if request.kind not in provider.kinds:
            raise InputError(
                f"{provider.name} has no {request.kind!r}.", f"It has {', '.join(sorted(provider.kinds))}."
            )
        files += provider.sources(request)
    return Preview(provider.name, sum(each.rows for each in files), sum(each.bytes for each in files), tuple(files))
