"""Datasets declared in `catalog/<name>.yaml`: several files as one import. `catalog/README.md` tells the form."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import InputError, UnreadableFile
from alphapulse_lib.ingestion import vendors
from alphapulse_lib.ingestion.importer import Annotate, ingest
from alphapulse_lib.ingestion.instruments import Declared
from alphapulse_lib.ingestion.plan import Plan
from alphapulse_lib.ingestion.preview import Preview, preview
from alphapulse_lib.ingestion.records import records, report_of
from alphapulse_lib.ingestion.report import Report
from alphapulse_lib.ingestion.vendors import known_keys
from alphapulse_lib.providers.contract import Request
from alphapulse_lib.providers.registry import provider

__all__ = ["Dataset", "ingest_dataset", "is_of_vendor", "read", "vendor_dataset"]

_KEYS = {"title", "source", "instruments", "files"}
_ENTRY_KEYS = {"path", "provider"} | {each.name for each in fields(Request)} - {"target"}


@dataclass(frozen=True, slots=True)
class Dataset:
    """A declared dataset, its paths made absolute."""

    name: str
    title: str
    provider: str
    requests: tuple[Request, ...]
    declared: Mapping[str, Declared]
    digest: str


def read(path: Path) -> Dataset:
    """A declaration.

    Raises
    ------
    InputError
        It is no declaration, or has a key that is not known.
    UnreadableFile
        A file that it names is not there.
    """
    said = _said(path)
    if not isinstance(said.get("files"), list) or not said["files"]:
        raise InputError(f"{path.name} declares no files.", "It needs a list under 'files'; see catalog/README.md.")
    known_keys(said, _KEYS, path.name)
    requests = [_request(entry, said, path) for entry in said["files"]]
    providers = {entry.get("provider", "files") for entry in said["files"]}
    if len(providers) > 1:
        raise InputError(
            f"{path.name} mixes providers: {', '.join(sorted(providers))}.", "Declare one dataset for each."
        )
    declared, read_files = _instruments(said, path)
    files = [path, *read_files, *(Path(str(request.target)) for request in requests)]
    return Dataset(path.stem, said.get("title", path.stem), providers.pop(), tuple(requests), declared, _digest(files))


def ingest_dataset(
    path: Path, roots: Roots, annotate: Annotate | None = None, *, dry_run: bool = False
) -> Report | Plan | Preview:
    """Import a declared dataset; once its very content is in the catalog, this says so and reads nothing more."""
    said = _said(path)
    if "files" not in said:
        return vendors.ingest(path, said, roots, dry_run=dry_run)
    dataset = read(path)
    if dry_run:
        return preview(provider(dataset.provider), dataset.requests)
    for record in records(roots.writable):
        if record.get("digest") == dataset.digest and record["status"] == "finished":
            return _known_already(report_of(roots.writable, record))
    return ingest(
        provider(dataset.provider),
        dataset.requests,
        roots,
        title=dataset.name,
        declared=dataset.declared,
        digest=dataset.digest,
        annotate=annotate,
    )


def vendor_dataset(path: Path) -> vendors.Declaration:
    """The declaration of a vendor's dataset.

    Raises
    ------
    InputError
        It is one of files, or says what cannot be used.
    """
    said = _said(path)
    if "files" in said:
        raise InputError(
            f"{path.stem} is a dataset of files: no vendor is asked for it.",
            f'ap.ingest("{path.stem}") imports it into your own catalog.',
        )
    return vendors.read(path, said)


def is_of_vendor(path: Path) -> bool:
    """Whether a declaration names a vendor, and no files."""
    return "files" not in _said(path)


def _said(path: Path) -> dict[str, Any]:
    """What a declaration says, unread."""
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as refused:
        raise InputError(f"{path.name} is not YAML: {str(refused).splitlines()[0]}.") from None
    if not isinstance(said, dict):
        raise InputError(f"{path.name} declares nothing.", "See catalog/README.md.")
    return said


def _known_already(report: Report) -> Report:
    held = report.written + report.unchanged + report.restated
    values = {each.name: getattr(report, each.name) for each in fields(Report)}
    values |= {"written": 0, "restated": 0, "unchanged": held, "actions": 0}
    return Report(**values | {"notes": (f"imported already at {report.ended}: nothing changed",)})


def _request(entry: Any, said: Mapping[str, Any], path: Path) -> Request:
    if not isinstance(entry, dict) or not entry.get("path"):
        raise InputError(f"{path.name}: {entry!r} names no path.", "Each entry under 'files' needs one.")
    known_keys(entry, _ENTRY_KEYS, path.name)
    options = {key: value for key, value in entry.items() if key not in ("path", "provider")}
    options.setdefault("source", said.get("source", path.stem))
    return Request(target=str(path.parent / entry["path"]), **options)


def _instruments(said: Mapping[str, Any], path: Path) -> tuple[dict[str, Declared], list[Path]]:
    if "instruments" not in said:
        return {}, []
    listed = path.parent / said["instruments"]
    try:
        with listed.open(newline="", encoding="utf-8") as opened:
            rows = list(csv.DictReader(opened))
    except OSError:
        raise UnreadableFile(f"{path.name} names {said['instruments']}, which cannot be read.") from None
    return {row["symbol"]: Declared(row.get("venue", ""), row.get("name", "")) for row in rows if row.get("symbol")}, [
        listed
    ]


def _digest(files: list[Path]) -> str:
    """SHA-256 over the declaration and all files it names."""
    made = hashlib.sha256()
    for each in files:
        found = sorted(each.rglob("*")) if each.is_dir() else sorted(each.parent.glob(each.name))
        for path in found:
            if path.is_file():
                made.update(path.name.encode() + b"\0" + path.read_bytes())
    return made.hexdigest()
