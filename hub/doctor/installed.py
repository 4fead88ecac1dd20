"""Whether what was installed is whole: Python, the packages, the proxy's Node, SQLite, the kernel."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from importlib.util import find_spec

from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from alphapulse_lib.errors import AlphaPulseError
from alphapulse_lib.settings import PROJECT
from hub import network
from hub.doctor.finding import Finding

__all__ = ["CHECKS", "kernel", "packages", "proxy", "python", "sqlite"]

_SET_UP = "hub/set-up.sh"
_PATIENCE = 30.0  # seconds
#: What the worker's tables need of SQLite; an older one is replaced by the package pysqlite3.
_LEAST_SQLITE = (3, 42)


def python() -> Finding:
    """Whether it is the Python that the packages are made for."""
    told, asked = ".".join(map(str, sys.version_info[:3])), SpecifierSet(metadata("alphapulse")["Requires-Python"])
    if asked.contains(told):
        return Finding("python", "ok", f"{told}, {sys.executable}")
    return Finding("python", "wrong", f"{told} is not {asked}: {sys.executable}", _SET_UP)


def packages() -> Finding:
    """Whether each package that the project asks for is there, in a version that it takes."""
    wrong, count = [], 0
    for line in requires("alphapulse") or []:
        asked = Requirement(line)
        if asked.marker and not asked.marker.evaluate():
            continue
        count += 1
        try:
            held = version(asked.name)
        except PackageNotFoundError:
            wrong.append(f"{asked.name} is missing")
            continue
        if not asked.specifier.contains(held, prereleases=True):
            wrong.append(f"{asked.name} is {held}, not {asked.specifier}")
    if wrong:
        return Finding("packages", "wrong", "; ".join(wrong[:5]), _SET_UP)
    return Finding("packages", "ok", f"{count}, as the project asks for them")


def proxy() -> Finding:
    """Whether the proxy is installed, and its Node runs."""
    try:
        nowhere = network.Network("127.0.0.1", 1, 1, 1, 1, 1)
        node = network.proxy_command(nowhere)[0]
        done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except AlphaPulseError as refused:
        return Finding.of("proxy", refused)
    except (OSError, subprocess.TimeoutExpired) as refused:
        return Finding("proxy", "wrong", f"Node does not run: {refused}", _SET_UP)
    if done.returncode:
        return Finding("proxy", "wrong", f"Node ends with {done.returncode}: {done.stderr.strip()[:200]}", _SET_UP)
    return Finding("proxy", "ok", f"configurable-http-proxy on Node {done.stdout.strip()}")


def sqlite() -> Finding:
    """Whether SQLite is new enough for the worker's tables, or replaced by one that is."""
    told = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info >= _LEAST_SQLITE:
        return Finding("sqlite", "ok", told)
    if find_spec("pysqlite3") is None:
        least = ".".join(map(str, _LEAST_SQLITE))
        return Finding("sqlite", "wrong", f"{told} is older than {least}, and pysqlite3 is missing", _SET_UP)
    return Finding("sqlite", "ok", f"{told}; the worker takes that of pysqlite3")


def kernel() -> Finding:
    """Whether Jupyter finds the AlphaPulse kernel, and what starts it is there."""
    manager = KernelSpecManager(kernel_dirs=[str(PROJECT / "kernels")], ensure_native_kernel=False)
    try:
        found = manager.get_kernel_spec("alphapulse")
    except NoSuchKernel:
        return Finding("kernel", "wrong", f"There is none in {PROJECT / 'kernels'}", "git checkout -- kernels")
    starts = found.argv[1].replace("{resource_dir}", found.resource_dir)
    if not (PROJECT / starts).is_file():
        return Finding("kernel", "wrong", f"{starts}, which starts it, is missing", "git checkout -- kernels")
    if find_spec("ipykernel") is None or shutil.which("alphapulse", path=f"{sys.prefix}/bin") is None:
        return Finding("kernel", "wrong", f"ipykernel or the alphapulse command is missing in {sys.prefix}", _SET_UP)
    return Finding("kernel", "ok", f"{found.display_name}, in {found.resource_dir}")


CHECKS: tuple[Callable[[], Finding], ...] = (python, packages, proxy, sqlite, kernel)
