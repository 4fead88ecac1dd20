"""Whether people's files come near to what they may take, and whether anything but a word keeps them to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alphapulse_jobs.room import is_near, used

from alphapulse_lib.settings import Settings
from hub.doctor.finding import Finding

__all__ = ["CHECKS", "files"]

_NAME = "people's files"
_HOW = "docs/how-to/administer.md tells how to have it enforced."


def files(chosen: Settings) -> Finding:
    """Whose files come near to the limit, and whether the storage enforces it."""
    limit = chosen.disk_limit * 1_000_000
    if not limit:
        return Finding(_NAME, "ok", "nobody has a limit; one may fill the disk (ALPHAPULSE_DISK_LIMIT)")
    told = f"{chosen.disk_limit:,} MB each"
    if chosen.spawner == "docker":
        return _volumes(told)
    if chosen.spawner != "process":
        return Finding(
            _NAME, "ok", f"{told}, told in JupyterLab; whether {chosen.spawner} enforces it is not known here"
        )
    folders = [each for each in sorted((chosen.home_root / "users").glob("*")) if each.is_dir()]
    taken = {each.name: used(each) for each in folders}
    near = [f"{name}'s take {size / limit:.0%}" for name, size in taken.items() if is_near(size, limit)]
    if near:
        mend = f"du -xh {chosen.home_root / 'users'} | sort -h | tail; or set ALPHAPULSE_DISK_LIMIT higher."
        return Finding(_NAME, "warning", f"{', '.join(near)} of {told}", mend)
    return Finding(_NAME, "ok", f"{told}, which nobody comes near to; told and not enforced: {_HOW}")


def _volumes(told: str) -> Finding:
    import docker
    from docker.errors import DockerException

    try:
        folder = Path(docker.from_env(timeout=20).info()["DockerRootDir"])
    except DockerException as away:
        return Finding(_NAME, "warning", f"{told}; Docker does not say whether it enforces that: {away}")
    if not folder.is_dir():
        return Finding(
            _NAME, "ok", f"{told}; Docker is elsewhere: whether {folder} enforces that is not seen from here"
        )
    kind, options = _mount(folder)
    if kind == "xfs" and {"prjquota", "pquota"} & set(options):
        return Finding(_NAME, "ok", f"{told}, enforced by Docker's storage for volumes that were made under this limit")
    said = (
        f"{told}, told and not enforced: {folder} is {kind or 'no mount that is known'}, and only XFS with pquota can"
    )
    return Finding(_NAME, "warning", said, _HOW)


def _mount(folder: Path) -> tuple[str, list[str]]:
    """The file system that a folder lies on, and the options it is mounted with."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    above = [each for each in mounts if folder.is_relative_to(each[1])]
    # Of several at one place, the last is the one that is seen.
    found = max(reversed(above), key=lambda each: len(Path(each[1]).parts), default=["", "", "", ""])
    return found[2], found[3].split(",")


CHECKS: tuple[Callable[[Settings], Finding], ...] = (files,)
