"""Debian's kernel in an emulated machine, for what the kernel of this machine was built without.

It sees the files of this machine, and what it writes is gone with it. No hardware is asked for: it is slow.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

#: What it takes, and the packages of Debian's that have it.
_TOOLS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "cpio": "cpio",
    "depmod": "kmod",
    "dpkg": "dpkg",
    "apt-get": "apt",
}
_MODULES = ("crc32c_generic", "virtio_pci", "9pnet_virtio", "9p", "overlay", "loop", "xfs")

_BEGIN = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for each in /modules/*; do insmod $each; done
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=524288,cache=loose here /low
mount -t tmpfs -o size=3g upper /upper; mkdir /upper/files /upper/work
mount -t overlay -o lowerdir=/low,upperdir=/upper/files,workdir=/upper/work all /mnt
cp /inside /mnt/inside
for each in proc sys dev; do mount --move /$each /mnt/$each; done
exec switch_root /mnt /inside
"""
_INSIDE = """#!/bin/sh
export PATH={path} HOME=/root
mount -t tmpfs run /run; mount -t cgroup2 groups /sys/fs/cgroup
mkdir -p /dev/pts /dev/shm; mount -t devpts pts /dev/pts; mount -t tmpfs shared /dev/shm
ip link set lo up
cd {folder} && {command}
echo "it ended with $?"
echo o > /proc/sysrq-trigger
sleep 60
"""


def run(command: Sequence[str], folder: Path, work: Path, within: float) -> str:
    """What a command printed that ran in a folder, on that kernel; at its end ``it ended with`` and its status.

    Parameters
    ----------
    work : Path
        Takes the kernel, which is fetched from Debian, and what it starts with.
    within : float
        Seconds.
    """
    if lacking := sorted({package for tool, package in _TOOLS.items() if shutil.which(tool) is None}):
        pytest.skip(f"Debian's {', '.join(lacking)} would run another kernel here: apt-get install {' '.join(lacking)}")
    kernel = _kernel(work)
    inside = _INSIDE.format(path=os.environ["PATH"], folder=shlex.quote(str(folder)), command=shlex.join(command))
    initial = _initial(work, kernel, inside)
    machine = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "6144", "-smp", "2"]
    shared = "local,id=here,path=/,security_model=passthrough,readonly=on,multidevs=remap"
    files = ["-fsdev", shared, "-device", "virtio-9p-pci,fsdev=here,mount_tag=here", "-net", "none"]
    start = ["-kernel", str(kernel), "-initrd", str(initial), "-append", "console=ttyS0 quiet panic=-1"]
    told = subprocess.run(
        [*machine, *files, "-nographic", "-no-reboot", *start],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=within, check=False,
    )  # fmt: skip
    return f"{told.stdout}{told.stderr}"


def _kernel(work: Path) -> Path:
    """Debian's newest, with its modules beside it."""
    meta = subprocess.run(
        ["apt-cache", "depends", "linux-image-amd64"], capture_output=True, text=True, check=True
    ).stdout
    (package,) = [line.split()[-1] for line in meta.splitlines() if "Depends: linux-image" in line]
    subprocess.run(["apt-get", "download", "-qq", package], cwd=work, check=True, capture_output=True)
    (file,) = work.glob("linux-image-*.deb")
    subprocess.run(["dpkg", "-x", file, work / "kernel"], check=True)
    (found,) = (work / "kernel" / "boot").glob("vmlinuz-*")
    return found


def _initial(work: Path, kernel: Path, inside: str) -> Path:
    """What the kernel starts with: the modules, and how this machine's files become its own."""
    root, version = work / "initial", kernel.name.removeprefix("vmlinuz-")
    for each in ("bin", "modules", "proc", "sys", "dev", "mnt", "low", "upper"):
        (root / each).mkdir(parents=True)
    shutil.copy(str(shutil.which("busybox")), root / "bin" / "busybox")
    base = str(kernel.parents[1])
    subprocess.run(["depmod", "-b", base, version], check=True)
    wanted: dict[str, None] = {}  # each once, in order
    for module in _MODULES:
        asked = ["modprobe", "-d", base, "-S", version, "--show-depends", module]
        lines = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
        wanted |= dict.fromkeys(line.split()[1] for line in lines if line.startswith("insmod"))
    for number, file in enumerate(wanted):
        shutil.copy(file, root / "modules" / f"{number:02}.ko")
    for name, text in (("init", _BEGIN), ("inside", inside)):
        (root / name).write_text(text)
        (root / name).chmod(0o755)
    packed = work / "initial.cpio"
    names = "\n".join(str(each.relative_to(root)) for each in sorted(root.rglob("*")))
    archive = subprocess.run(
        ["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=names.encode(), capture_output=True, check=True
    )
    packed.write_bytes(archive.stdout)
    return packed
