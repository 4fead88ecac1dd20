"""What the parts look at that are containers: each what it alone has, and nothing that is the image's or Docker's."""

from __future__ import annotations

from collections.abc import Callable

from alphapulse_lib.settings import Settings
from hub.doctor import hosts, kept, running
from hub.doctor.finding import Finding

__all__ = ["CHECKS"]

CHECKS: dict[str, tuple[Callable[[Settings], Finding], ...]] = {
    "hub": (kept.home, kept.secrets, kept.hub_database, running.sign_in, running.clock, hosts.hosts),
    "worker": (
        *(kept.home, kept.disk, kept.secrets, kept.api_database, kept.worker_database),
        *(kept.catalog, running.vendor_keys),
    ),
}
