"""``python -m hub up | down | reset``: what the Makefile and the `alphapulse` command call."""

from __future__ import annotations

import argparse
import sys

from alphapulse_lib.errors import AlphaPulseError
from hub import supervise


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _ask(question: str) -> str:
    _say(question)
    return sys.stdin.readline()


def main() -> int:
    """Do what the one argument says; an error is one line on standard error."""
    parser = argparse.ArgumentParser(prog="alphapulse", description="The hub: start it, stop it, forget everything.")
    verb = parser.add_argument("verb", choices=["up", "down", "reset"]) and parser.parse_args().verb
    try:
        if verb == "up":
            supervise.up(_say)
        elif verb == "down":
            supervise.down(_say)
        else:
            supervise.reset(_say, _ask)
    except AlphaPulseError as error:
        sys.stderr.write(f"alphapulse: {error.message.rstrip('.')}. {error.hint}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
