"""``python -m hub.backup.composed take|check|put``: a backup of a hub whose parts are containers, and back.

It runs in a container of its own (docker/compose.sh) that sees each volume in a folder of its name below `KEPT`, and
reads and writes the backup by standard input and output: no folder of the machine is mounted anywhere. PostgreSQL's
dumps lie in the database's volume meanwhile; its own files are never copied. Where a master key lies, nothing is seen.

    take    the backup to standard output; the settings, an .env, come by standard input
    check   reads a backup to its end, changes nothing, and says which people's and teams' volumes it needs, each
            with what limits it: NAME:OPTION
    put     into new, empty volumes; the settings go to standard output
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from dotenv import dotenv_values

from alphapulse_lib import __version__ as version
from alphapulse_lib import clock
from alphapulse_lib.errors import AlphaPulseError, HubError
from alphapulse_lib.settings import Settings
from hub import containers
from hub.allowance import MEGABYTE
from hub.backup.archive import Head, Reading, opened, streamed
from hub.backup.parts import SETTINGS, quoted
from hub.backup.restoring import Staging
from hub.backup.taking import Taker
from hub.vault import VENDOR_KEYS

__all__ = ["KEPT", "check", "put", "take"]

KEPT = Path("/srv/kept")
_COMMAND = "docker/compose.sh"
#: The databases, the worker's first: see `hub.backup.databases.served`.
_DATABASES = ("worker", "api", "hub")
#: Of the database's volume: PostgreSQL's dumps while they are needed, and what each part signs in to it with.
_DUMPS, _PASSWORDS = Path("database", "backup"), Path("database", "passwords")
#: A person's volume, and a team's, by the beginning of its folder's name.
_PEOPLES = ("workspace-", "team-")
#: What is of one start alone: where the proxy found people's containers, which are gone.
_PASSING = Path("proxy", "run", "routes.json")
_PIECE = 2**20
#: Bytes that the smallest file takes of a disk, and each name; and how much of a limit may be taken when a volume is
#: filled, so that what a disk keeps beside the files still fits in.
_BLOCK, _FULL = 4096, 0.9

type Say = Callable[[str], None]


def take(kept: Path, settings: IO[str], out: IO[bytes], say: Say) -> None:
    """Write all that the volumes hold, and the dumps that lie ready, as one stream.

    Raises
    ------
    HubError
        A dump is missing, or something cannot be read.
    """
    kinds, now = dict.fromkeys(_DATABASES, "postgresql"), clock.now().isoformat(timespec="seconds")
    head = Head(version, now, kinds, "/catalog", command=_COMMAND)
    told = {name: value for name, value in dotenv_values(stream=settings).items() if value and name not in VENDOR_KEYS}
    try:
        with streamed(out, head) as backup, TemporaryDirectory() as space:
            for name in _DATABASES:
                backup.file(f"postgresql/{name}.dump", kept / _DUMPS / f"{name}.dump")
            folders = sorted(each for each in kept.iterdir() if each.name != "database")
            taker = Taker(backup, Path(space, "database"))
            taker.leave_out(kept / _PASSING)
            taker.files({each.name: each for each in folders} | {"passwords": kept / _PASSWORDS})
            lines = "".join(f"{name}={quoted(str(value))}\n" for name, value in told.items())
            backup.content(SETTINGS, lines.encode())
    except OSError as refused:
        raise HubError(
            f"{refused.filename}: {refused.strerror}. No backup was written.", "Look at its rights."
        ) from None
    for note in backup.notes:
        say(note)
    say(f"{len(backup.entries)} entries. It holds passwords and tokens; vendors' keys are in it sealed.")


def check(source: IO[bytes], say: Say) -> dict[str, str]:
    """Read a backup to its last byte; the names of the people's and teams' volumes that it holds, and their limits.

    A limit is an option of Docker's, as the spawner makes such a volume under the backup's settings; empty where these
    limit none, or where it holds about as much as they would let in.

    Raises
    ------
    HubError
        It is foreign, torn, damaged, or of another kind of installation.
    """
    people, settings = Counter[str](), b""
    with _read(source) as backup:
        for member, content in backup.members():
            checksum = hashlib.sha256(member.linkname.encode() if member.issym() else b"")
            while content and (piece := content.read(_PIECE)):
                checksum.update(piece)
                if member.name == SETTINGS:
                    settings += piece
            backup.took(member, "" if member.isdir() else checksum.hexdigest())
            if (name := member.name.partition("/")[0]).startswith(_PEOPLES):
                people[name] += _BLOCK * (1 + -(-member.size // _BLOCK))
        backup.require_whole()
    for note in backup.notes or []:
        say(note)
    say(f"A backup of {backup.head.made}, AlphaPulse {backup.head.version}: {len(backup.seen)} entries, whole.")
    return _limits(settings.decode(), people, say)


def _limits(settings: str, people: Mapping[str, int], say: Say) -> dict[str, str]:
    """Of each volume, by how many bytes it takes, the option that limits it; empty where none does."""
    said = dotenv_values(stream=StringIO(settings)).get("ALPHAPULSE_DISK_LIMIT") or ""
    chosen = Settings(_env_file=None, disk_limit=int(said) if said.isdecimal() else 0)
    option, told = "".join(f"{name}={value}" for name, value in containers.volume(chosen).items()), {}
    for name, taken in people.items():
        told[name] = option if taken <= _FULL * chosen.disk_limit * MEGABYTE else ""
        if option and not told[name]:
            say(f"{name} holds about as much as ALPHAPULSE_DISK_LIMIT lets in: it is restored without that limit.")
    return told


def put(kept: Path, source: IO[bytes], out: IO[str]) -> None:
    """Fill new volumes with a backup, and say the settings.

    Raises
    ------
    HubError
        A volume is missing or holds something, or the backup is not whole: whoever made the volumes removes them.
    """
    places = {each.name: each for each in kept.iterdir() if each.name != "database"}
    for place in places.values():
        if any(place.iterdir()):
            raise HubError(f"The volume of {place.name} is not empty.", "Restore to an empty machine.")
    (kept / _DUMPS).mkdir(mode=0o700, exist_ok=True)
    with TemporaryDirectory() as space, _read(source) as backup:
        beside = places | {"passwords": kept / _PASSWORDS, SETTINGS: Path(space, SETTINGS)}
        staging = Staging(beside, beside, kept / _DUMPS)
        for member, content in backup.members():
            backup.took(member, staging.receive(member, content))
        backup.require_whole()
        staging.finish()
        out.write(Path(space, SETTINGS).read_text(encoding="utf-8"))


def _read(source: IO[bytes]) -> AbstractContextManager[Reading]:
    return opened(Path("standard input"), _COMMAND, source)


def main() -> None:
    """Do what the one argument says; an error is one line on standard error."""

    def say(line: str) -> None:
        sys.stderr.write(f"alphapulse: {line}\n")

    try:
        match sys.argv[1:]:
            case ["take"]:
                take(KEPT, sys.stdin, sys.stdout.buffer, say)
            case ["check"]:
                told = check(sys.stdin.buffer, say)
                sys.stdout.write("".join(f"{name}:{limit}\n" for name, limit in told.items()))
            case ["put"]:
                put(KEPT, sys.stdin.buffer, sys.stdout)
            case other:
                sys.exit(f"alphapulse: {other} is none of take, check, put")
    except AlphaPulseError as error:
        sys.exit(f"alphapulse: {error.message.rstrip('.')}. {error.hint}")
    except OSError as refused:
        sys.exit(f"alphapulse: {refused.filename or 'a volume'}: {refused.strerror}. Nothing was restored.")


if __name__ == "__main__":
    main()
