"""`alphapulse doctor`: whether an installation is sound, and for whatever is not, the command that mends it.

It looks and changes nothing. `status` tells whether the parts run; this tells why they could not, or soon will not.

    finding        what a check found
    installed      Python, packages, the proxy, SQLite, the kernel
    kept           the home, its disk, secrets, databases, the catalog
    people         what their files take
    running        the ports or the parts behind them, the clock, vendors' keys
    hosts          where people find the hub and their servers
    contained      which of them the parts look at that are containers
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict

from alphapulse_lib.errors import AlphaPulseError
from alphapulse_lib.settings import Settings, settings
from hub.doctor.finding import Finding

__all__ = ["findings", "inside", "tell"]

_MARKS = {"ok": "ok", "warning": "look", "wrong": "WRONG"}


def tell(say: Callable[[str], None], *, as_json: bool, part: str = "") -> int:
    """Say what is found, here or by a part that is a container; the exit code: 0 when nothing is wrong, 1 otherwise."""
    found = inside(part) if part else findings()
    sound = all(each.state != "wrong" for each in found)
    if as_json:
        say(json.dumps({"sound": sound, "findings": [asdict(each) for each in found]}, indent=1))
        return 0 if sound else 1
    for each in found:
        say(f"  {_MARKS[each.state]:<6} {each.name:<16} {each.said}")
        if each.mend:
            say(f"  {'':<23} -> {each.mend}")
    count = sum(each.state == "wrong" for each in found)
    say("Nothing is wrong." if sound else f"{count} of {len(found)} {'is' if count == 1 else 'are'} wrong.")
    return 0 if sound else 1


def findings() -> list[Finding]:
    """What every check finds; where the settings cannot be read, all that needs none."""
    from hub.doctor import hosts, installed, kept, people, running  # which need more than a part's image has

    found = [check() for check in installed.CHECKS]
    try:
        chosen = settings()
    except AlphaPulseError as refused:
        return [*found, Finding.of("settings", refused)]
    checks: list[Callable[[Settings], Finding]] = [*kept.CHECKS, *people.CHECKS, *running.CHECKS, *hosts.CHECKS]
    return found + [check(chosen) for check in checks]


def inside(part: str) -> list[Finding]:
    """What a part finds that is a container; whether it runs at all is Docker's to tell (docker/compose.sh)."""
    from hub.doctor import contained

    try:
        chosen = settings()
    except AlphaPulseError as refused:
        return [Finding.of("settings", refused)]
    return [check(chosen) for check in contained.CHECKS[part]]
