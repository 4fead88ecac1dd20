"""Where Docker's storage can, a person's volume takes no more than it may; where it cannot, that is said."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker as docker_py
import other_kernel
import pytest
from docker.errors import APIError
from docker_engine import NOTHING, PROJECT, Docker, begun

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
        # One that wants no bridge takes that of the machine's own daemon away as it starts.
        with begun(data, "--bridge=none", "--iptables=false", apart=True) as started:
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


def writes(docker: Docker, volume: str, megabytes: int) -> str:
    """What ``dd`` says that writes so much into a volume, from inside a container; nothing where all is well."""
    bound = ["--volume=/usr:/usr:ro", f"--volume={volume}:/home"]
    write = ["dd", "if=/dev/zero", "of=/home/large", "bs=1000000", f"count={megabytes}", "status=none"]
    command = ["docker", "run", "--rm", *NOTHING, *bound, "bare", *write]
    done = subprocess.run(command, env=docker.environment, capture_output=True, text=True, timeout=600, check=False)
    return "".join(line for line in done.stderr.splitlines() if line.startswith("dd: "))


def bare(docker: Docker, folder: Path) -> None:
    """An image of nothing: what runs in it is this machine's."""
    with tarfile.open(folder / "bare.tar", "w") as image:
        for name in ("bin", "lib", "lib64"):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, f"usr/{name}"
            image.addfile(link)
    docker("import", str(folder / "bare.tar"), "bare")


def test_a_volume_takes_no_more_than_a_person_may(
    limiting: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare(limiting, tmp_path)
    places = {}
    for name in ("ann", "bob"):
        made = client(limiting).create_volume(name, driver_opts=containers.volume(CHOSEN))
        places[name] = Path(made["Mountpoint"]) / "large"
    assert "No space left on device" in writes(limiting, "ann", LIMIT + 5)
    assert places["ann"].stat().st_size == pytest.approx(LIMIT * 1_000_000, abs=4096)  # it is counted in blocks
    # Made again with every start of a server: it stays as it is.
    assert client(limiting).create_volume("ann", driver_opts=containers.volume(CHOSEN))["Name"] == "ann"
    assert "No space left on device" in writes(limiting, "ann", LIMIT + 5)
    assert writes(limiting, "bob", LIMIT - 1) == ""
    assert places["bob"].stat().st_size == (LIMIT - 1) * 1_000_000
    monkeypatch.setenv("DOCKER_HOST", limiting.environment["DOCKER_HOST"])
    told = people.files(CHOSEN)
    assert told.state == "ok" and "enforced by Docker" in told.said


def test_a_storage_that_cannot_says_so(unlimiting: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(APIError, match="no quota support"):  # by these words the spawner knows it
        client(unlimiting).create_volume("ann", driver_opts=containers.volume(CHOSEN))
    bare(unlimiting, tmp_path)
    assert writes(unlimiting, "ann", LIMIT + 5) == ""
    monkeypatch.setenv("DOCKER_HOST", unlimiting.environment["DOCKER_HOST"])
    told = people.files(CHOSEN)
    assert told.state == "warning" and "not enforced" in told.said and "docs/how-to/administer.md" in told.mend


@pytest.mark.parametrize("storage", ["limiting", "unlimiting"])
def test_a_restored_volume_is_made_as_the_spawner_makes_it(storage: str, request: pytest.FixtureRequest) -> None:
    docker: Docker = request.getfixturevalue(storage)
    asked = containers.volume(CHOSEN)
    lines = 'prefix=alphapulse; say() { echo "$*" >&2; }; . docker/backup.sh; own_volume alphapulse-workspace-ann "$1"'
    limit = "".join(f"{name}={value}" for name, value in asked.items())
    command, given = ["sh", "-euc", lines, "sh", limit], docker.environment
    done = subprocess.run(command, cwd=PROJECT, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = client(docker).inspect_volume("alphapulse-workspace-ann")
    assert told["Labels"] == {"alphapulse.hub": "alphapulse"}
    assert (told["Options"] or {}) == (asked if storage == "limiting" else {})


@pytest.mark.siege
@pytest.mark.timeout(3600)
def test_on_a_kernel_that_has_quotas(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """These tests once more, on Debian's kernel: this machine's may have been built without."""
    tests = ["-m", "pytest", "--color=no", "-rs", "-m", "not siege", "-p", "no:cacheprovider", "--basetemp=/run/tests"]
    told = other_kernel.run([sys.executable, *tests, __file__], PROJECT, tmp_path, 1800)
    with capsys.disabled():
        sys.stdout.write(f"\non Debian's kernel: {told[-1500:]}\n")
    assert "it ended with 0" in told, told
    assert "4 passed" in told, told
