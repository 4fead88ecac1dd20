"""Where Docker's storage can, a person's volume takes no more than it may; where it cannot, that is said."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker as docker_py
import pytest
from docker.errors import APIError
from docker_engine import Docker, begun

from alphapulse_lib.settings import Settings
from hub import containers
from hub.doctor import people

LIMIT = 20  # megabytes
CHOSEN = Settings(_env_file=None, spawner="docker", disk_limit=LIMIT)


def daemon(folder: Path, options: str) -> Iterator[Docker]:
    """A daemon whose data lie on a small XFS of its own."""
    if os.geteuid() != 0 or shutil.which("mkfs.xfs") is None:
        pytest.skip("root may make a small disk, with mkfs.xfs of Debian's package xfsprogs")
    disk, data = folder / "disk", folder / "data"
    data.mkdir()
    with disk.open("wb") as file:
        file.truncate(400_000_000)
    subprocess.run(["mkfs.xfs", "-q", disk], check=True, capture_output=True)
    mounted = subprocess.run(
        ["mount", "-o", f"loop,{options}", disk, data], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"root may mount a disk out of a file on most machines, and not on this: {mounted.stderr}")
    try:
        with begun(data, "--bridge=none", "--iptables=false") as started:
            yield started
    finally:
        subprocess.run(["umount", data], check=True)


@pytest.fixture
def limiting(tmp_path: Path) -> Iterator[Docker]:
    yield from daemon(tmp_path, "pquota")


@pytest.fixture
def unlimiting(tmp_path: Path) -> Iterator[Docker]:
    yield from daemon(tmp_path, "noquota")


def client(docker: Docker) -> docker_py.APIClient:
    return docker_py.APIClient(base_url=docker.environment["DOCKER_HOST"], version="auto", timeout=60)


def test_a_volume_takes_no_more_than_a_person_may(limiting: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = client(limiting).create_volume("ann", driver_opts=containers.volume(CHOSEN))
    with (Path(volume["Mountpoint"]) / "large").open("wb", buffering=0) as file:
        for _ in range(LIMIT - 1):
            file.write(b"x" * 1_000_000)
        with pytest.raises(OSError) as full:
            for _ in range(3):
                file.write(b"x" * 1_000_000)
    assert full.value.errno in (errno.ENOSPC, errno.EDQUOT)
    # Made again with every start of a server: it stays as it is.
    assert client(limiting).create_volume("ann", driver_opts=containers.volume(CHOSEN))["Name"] == "ann"
    assert (Path(volume["Mountpoint"]) / "large").stat().st_size >= (LIMIT - 1) * 1_000_000
    monkeypatch.setenv("DOCKER_HOST", limiting.environment["DOCKER_HOST"])
    told = people.files(CHOSEN)
    assert told.state == "ok" and "enforced by Docker" in told.said


def test_a_storage_that_cannot_says_so(unlimiting: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(APIError, match="no quota support"):  # by these words the spawner knows it
        client(unlimiting).create_volume("ann", driver_opts=containers.volume(CHOSEN))
    monkeypatch.setenv("DOCKER_HOST", unlimiting.environment["DOCKER_HOST"])
    told = people.files(CHOSEN)
    assert told.state == "warning" and "not enforced" in told.said and "docs/how-to/administer.md" in told.mend
