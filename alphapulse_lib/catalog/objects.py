"""One bucket, spoken to through obstore: read whole or by ranges of one version, written only under a condition."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, cast

from alphapulse_lib.catalog.lease import Held
from alphapulse_lib.errors import CatalogChanged, CatalogReadOnly, CatalogUnreachable

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Store

__all__ = ["VARIABLES", "Listed", "Objects", "Reader", "Snapshot", "environment", "give", "store_of"]

#: The variables of AWS that say where a store is and who asks: `.env.example`, docs/how-to/object-store.md.
VARIABLES = (
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
)
#: An object of at most so many bytes is read in one request, which no change can come between; and of a larger one,
#: as many from its end, where Parquet keeps its directory.
AT_ONCE = 8 * 1024 * 1024
#: Where no rows are wanted. The footer of a file of two million rows is no longer.
FOOTER = 64 * 1024
#: What is tried again, how often, and for how long altogether: less than half a lease.
_RETRIES = 3
_PATIENCE = timedelta(seconds=6)
_WHERE = (
    "See docs/how-to/object-store.md: AWS_ENDPOINT_URL, AWS_REGION and the keys say where it is and who asks; "
    "profiles of ~/.aws are not read."
)


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a listing tells it."""

    key: str
    size: int


class Snapshot:
    """One version of an object, from which all reads come, however often the object is replaced meanwhile.

    Attributes
    ----------
    content : bytes or None
        All of it, where it is small.
    """

    def __init__(
        self,
        objects: Objects,
        key: str,
        size: int,
        e_tag: str,
        written: datetime,
        end: memoryview,
        version: str | None = None,
    ) -> None:
        self._objects, self._key, self._end = objects, key, end
        self.size, self.e_tag, self.written, self._version = size, e_tag, written, version

    @property
    def content(self) -> memoryview | None:
        """All of the object where it was small enough to come at once."""
        return self._end if len(self._end) == self.size else None

    def between(self, start: int, end: int) -> bytes | memoryview:
        """Some bytes; CatalogChanged where they are of a version that is no more."""
        held = self.size - len(self._end)
        if start >= held:
            return self._end[start - held : end - held]
        return self._objects.between(self._key, start, end, self.e_tag, self._version)


class Reader(io.RawIOBase):
    """A snapshot as a file."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self._snapshot, self._at = snapshot, 0
        self.size = snapshot.size

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """The place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """The bytes from here on."""
        end = self.size if size is None or size < 0 else min(self.size, self._at + size)
        found = bytes(self._snapshot.between(self._at, end)) if end > self._at else b""
        self._at += len(found)
        return found

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """The bytes from here on, into a buffer."""
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def readall(self) -> bytes:
        """All that is left."""
        return self.read()


class Objects:
    """The objects of one bucket, by key."""

    def __init__(self, bucket: str, store: S3Store) -> None:
        self.bucket, self._store = bucket, store

    def snapshot(self, key: str, most: int | None = None) -> Snapshot:
        """The object as it is now, and ``most`` bytes of its end at once; FileNotFoundError where there is none."""
        import obstore

        with self._speaking(key):
            try:
                found = obstore.get(self._store, key, options={"range": {"suffix": most or AT_ONCE}})
                meta, end = found.meta, memoryview(found.bytes())
            except obstore.exceptions.GenericError:
                # Of an empty object there is no last byte, which is refused in as many words as there are stores.
                meta = obstore.head(self._store, key)
                if meta["size"]:
                    raise
                end = memoryview(b"")
        return Snapshot(self, key, meta["size"], str(meta["e_tag"]), meta["last_modified"], end, meta["version"])

    def between(self, key: str, start: int, end: int, e_tag: str, version: str | None = None) -> memoryview:
        """Some bytes of one version: one that was replaced is still there where the bucket keeps versions.

        Raises
        ------
        CatalogChanged
            It is no more.
        """
        import obstore

        try:
            with self._speaking(key):
                got = obstore.get(self._store, key, options={"range": (start, end), "if_match": e_tag})
                return memoryview(got.bytes())
        except CatalogChanged:
            if version is None:
                raise
        with self._speaking(key):
            return memoryview(
                obstore.get(self._store, key, options={"range": (start, end), "version": version}).bytes()
            )

    def head(self, key: str) -> tuple[str, int] | None:
        """An object's version and size, if there is one."""
        import obstore

        try:
            with self._speaking(key):
                found = obstore.head(self._store, key)
        except FileNotFoundError:
            return None
        return str(found["e_tag"]), found["size"]

    def get(self, key: str) -> Held | None:
        """A small object, if there is one."""
        try:
            found = self.snapshot(key)
        except FileNotFoundError:
            return None
        return Held(bytes(found.content or b""), found.e_tag, found.written)

    def put(self, key: str, content: bytes, expected: str | None) -> str:
        """Put content in the place of one version (None: of nothing) and no other; what names the new version.

        Raises
        ------
        CatalogChanged
            Another version is there. Nothing was changed.
        CatalogReadOnly, CatalogUnreachable
            The store refuses, or does not answer.
        """
        import obstore

        try:
            with self._speaking(key):
                done = obstore.put(
                    self._store,
                    key,
                    content,
                    mode="create" if expected is None else {"e_tag": expected},
                    use_multipart=False,
                )
                return str(done["e_tag"])
        except FileNotFoundError:
            raise CatalogReadOnly(f"There is no bucket {self.bucket!r}.", f"Make it. {_WHERE}") from None
        except CatalogChanged:
            # Tried again after an answer that was lost on its way, ours may be the very version that is in the way.
            held = self._present(key)
            if held is not None and held.size == len(content) and Reader(held).read() == content:
                return held.e_tag
            raise

    def delete(self, key: str) -> None:
        """Take an object away, whatever version it is."""
        import obstore

        with self._speaking(key):
            obstore.delete(self._store, key)

    def listed(self, prefix: str) -> Iterator[Listed]:
        """All objects below a prefix, by key."""
        import obstore

        with self._speaking(prefix):
            for some in obstore.list(self._store, prefix or None):
                yield from (Listed(each["path"], each["size"]) for each in some)

    def below(self, prefix: str) -> tuple[list[str], list[Listed]]:
        """What a delimiter parts: the prefixes directly below one, and the objects."""
        import obstore

        with self._speaking(prefix):
            found = obstore.list_with_delimiter(self._store, prefix or None)
        return list(found["common_prefixes"]), [Listed(each["path"], each["size"]) for each in found["objects"]]

    def _present(self, key: str) -> Snapshot | None:
        try:
            return self.snapshot(key)
        except FileNotFoundError:
            return None

    @contextmanager
    def _speaking(self, key: str) -> Iterator[None]:
        """The store's refusals in the catalog's words."""
        from obstore import exceptions

        place = f"s3://{self.bucket}/{key}"
        try:
            yield
        except (exceptions.PreconditionError, exceptions.AlreadyExistsError):
            raise CatalogChanged(
                f"{place} changed meanwhile: another writer replaced it. What it wrote stands; nothing was lost.",
                "Try again.",
            ) from None
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as refused:
            raise CatalogReadOnly(f"You may not do that with {place}: {_words(refused)}", _WHERE) from None
        except exceptions.BaseError as refused:
            raise CatalogUnreachable(
                f"The object store did not give or take {place}: {_words(refused)}", _WHERE
            ) from None


def environment() -> dict[str, str]:
    """The variables of AWS that are set, by name."""
    return {name: os.environ[name] for name in VARIABLES if os.environ.get(name)} | _GIVEN


#: What a process was given instead of variables, which whatever it starts could read.
_GIVEN: dict[str, str] = {}


def give(variables: Mapping[str, str]) -> None:
    """Let this process use these, rather than variables of its own."""
    _GIVEN.update(variables)


def store_of(bucket: str) -> Objects:
    """The objects of a bucket, by what the environment says now."""
    return _store_of(bucket, tuple(sorted(environment().items())))


@cache
def _store_of(bucket: str, told: tuple[tuple[str, str], ...]) -> Objects:
    from obstore.store import S3Store

    insecure = dict(told).get("AWS_ENDPOINT_URL", "").startswith("http://")
    return Objects(
        bucket,
        S3Store(
            bucket,
            config=cast("S3Config", {name.lower(): value for name, value in told}),
            client_options={"allow_http": insecure, "timeout": "60s", "connect_timeout": "3s"},
            retry_config={"max_retries": _RETRIES, "retry_timeout": _PATIENCE},
        ),
    )


def _words(refused: Exception) -> str:
    """The first line of what obstore says, which holds no key."""
    return (str(refused).splitlines() or [type(refused).__name__])[0]
