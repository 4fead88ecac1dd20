"""One Docker daemon and one build of the images for all that is tested here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from docker_engine import BASE, TAG, Docker, engine


@pytest.fixture(scope="session")
def docker() -> Iterator[Docker]:
    with engine() as found:
        if not found("images", "--quiet", BASE):
            if shutil.which("mmdebstrap") is None:
                pytest.skip("there is no mmdebstrap here, Debian's package of that name, to make a base image with")
            found.script("docker/base.sh", BASE)
        # Half of a build is waiting, for a registry or the disk: two go on at once.
        parts = (("workspace",), ("hub", "database", "tls"))
        with ThreadPoolExecutor(len(parts)) as pool:
            builds = [pool.submit(found.script, "docker/build.sh", *each, BASE_IMAGE=BASE, TAG=TAG) for each in parts]
        for each in builds:
            each.result()
        yield found
