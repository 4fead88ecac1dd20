"""Where something lies: in a folder of this machine, or in an object store."""

from __future__ import annotations

from pathlib import Path, PurePath, PurePosixPath

__all__ = ["ObjectPath", "location"]

_SCHEME = "s3:"


class ObjectPath(PurePosixPath):
    """The name of an object, or of a root in its bucket; it joins and is taken apart as any path is.

    Examples
    --------
    >>> root = ObjectPath("s3://desk/catalog")
    >>> str(root / "actions.parquet"), root.bucket, (root / "actions.parquet").key
    ('s3://desk/catalog/actions.parquet', 'desk', 'catalog/actions.parquet')
    """

    def __str__(self) -> str:
        text = super().__str__()  # in which two slashes became one
        return text.replace(":/", "://", 1) if text.startswith(f"{_SCHEME}/") and "://" not in text else text

    @property
    def bucket(self) -> str:
        """The bucket it lies in."""
        return self.parts[1]

    @property
    def key(self) -> str:
        """Its name in the bucket; empty for the bucket itself."""
        return "/".join(self.parts[2:])


def location(text: str | PurePath) -> PurePath:
    """The location that a setting or an argument names.

    Parameters
    ----------
    text : str or PurePath
        ``s3://bucket/prefix``, or a folder.

    Raises
    ------
    ValueError
        An address of another kind, or one without a bucket.

    Examples
    --------
    >>> location("s3://desk/catalog/").key, location("/srv/catalog").name
    ('catalog', 'catalog')
    """
    if isinstance(text, ObjectPath):
        return text
    told = str(text)
    if "://" not in told:
        return Path(text)
    if not told.startswith(f"{_SCHEME}//") or not told.removeprefix(f"{_SCHEME}//").strip("/"):
        raise ValueError(f"{told!r} is neither a folder nor s3://bucket/prefix")
    return ObjectPath(told)
