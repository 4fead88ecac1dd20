"""One Docker daemon and one build of the images for all that is tested here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from docker_engine import BASE, TAG, Docker, engine


@pytest.fixture(scope="session")
def docker() -> Iterator[Docker]:
    with engine() as found:
        if not found("images", "--quiet", BASE):
            if shutil.which("mmdebstrap") is None:
                pytest.skip("there is no mmdebstrap here, Debian's package of that name, to make a base image with")
            found.script("docker/base.sh", BASE)
        found.script("docker/build.sh", BASE_IMAGE=BASE, TAG=TAG)
        yield found
