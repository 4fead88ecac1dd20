"""``python -m hub``: the verbs that the Makefile and the `alphapulse` command call."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from alphapulse_lib.errors import AlphaPulseError
from alphapulse_lib.settings import settings
from hub import supervise


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _ask(question: str) -> str:
    _say(question)
    return sys.stdin.readline()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="alphapulse", description="The hub: up, down, how it is, kept, forgotten.")
    verbs = parser.add_subparsers(
        dest="verb", required=True, metavar="{up,down,reset,status,doctor,backup,restore,keys}"
    )
    for verb in ("up", "down", "reset"):
        verbs.add_parser(verb)
    for verb in ("status", "doctor"):
        verbs.add_parser(verb).add_argument("--json", action="store_true", help="in JSON")
    verbs.choices["doctor"].add_argument("--part", choices=("hub", "worker"), default="", help="which container it is")
    verbs.add_parser("backup").add_argument("file", type=Path)
    restoring = verbs.add_parser("restore")
    restoring.add_argument("file", type=Path)
    restoring.add_argument("--replace", action="store_true", help="move aside what is there")
    keys = verbs.add_parser("keys")
    keys.add_argument("what", choices=("list", "set", "remove", "seal", "rotate"))
    keys.add_argument("vendor", nargs="?", default="")
    return parser.parse_args()


def main() -> int:
    """Do what the one argument says; an error is one line on standard error."""
    asked = _arguments()
    try:
        if asked.verb == "up":
            supervise.up(_say)
        elif asked.verb == "down":
            supervise.down(_say)
        elif asked.verb == "status":
            from hub import status  # `up` need not wait for what only this reads

            return status.tell(_say, as_json=asked.json)
        elif asked.verb == "doctor":
            from hub import doctor

            return doctor.tell(_say, as_json=asked.json, part=asked.part)
        elif asked.verb == "backup":
            from hub.backup.taking import take

            take(settings(), asked.file, _say)
        elif asked.verb == "restore":
            from hub.backup.restoring import restore

            restore(settings(), asked.file, _say, replace=asked.replace)
        elif asked.verb == "keys":
            from hub import vault_commands

            vault_commands.do(settings(), asked.what, asked.vendor, _say)
        else:
            supervise.reset(_say, _ask)
    except AlphaPulseError as error:
        sys.stderr.write(f"alphapulse: {error.message.rstrip('.')}. {error.hint}\n")
        return 1
    except BrokenPipeError:  # whoever read, as `head` does, has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
