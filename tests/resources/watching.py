"""A real Prometheus that watches a hub by the configuration that is shipped."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from running_hub import PROJECT, free_port
from waiting import until

__all__ = ["PROMTOOL", "needs_prometheus", "watching"]

PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")
SHIPPED = PROJECT / "docker" / "prometheus"

needs_prometheus = pytest.mark.skipif(
    not (PROMETHEUS and PROMTOOL), reason="needs Debian's Prometheus: apt-get install prometheus"
)


@contextmanager
def watching(folder: Path, address: str, token: str) -> Iterator[httpx.Client]:
    """Prometheus' own API, while it reads the hub at that address each second.

    The configuration is the shipped one word for word, but for what the docs tell to change and for how often it reads.
    """
    told = (SHIPPED / "prometheus.yml").read_text()
    kept = str(folder / "token")
    for words, instead in {"proxy:8000": address, "/run/secrets/metrics_token": kept, "15s": "1s"}.items():
        assert words in told, words
        told = told.replace(words, instead)
    (folder / "prometheus.yml").write_text(told)
    (folder / "token").write_text(token)
    shutil.copy(SHIPPED / "alerts.yml", folder)
    here = f"127.0.0.1:{free_port()}"
    options = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(PROMETHEUS), *options, f"--web.listen-address={here}"], cwd=folder, stdout=log, stderr=log
        )
    try:
        with httpx.Client(base_url=f"http://{here}", timeout=30, trust_env=False) as http:
            until(lambda: process.poll() is None and _is_ready(http), 60, lambda: (folder / "log").read_text())
            yield http
    finally:
        process.terminate()
        process.wait(60)


def _is_ready(http: httpx.Client) -> bool:
    try:
        return http.get("/-/ready").status_code == 200
    except httpx.TransportError:
        return False
