"""``python -m hub up | down | reset | status``: what the Makefile and the `alphapulse` command call."""

from __future__ import annotations

import argparse
import os
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
    parser = argparse.ArgumentParser(prog="alphapulse", description="The hub: up, down, how it is, forgotten.")
    parser.add_argument("verb", choices=["up", "down", "reset", "status"])
    parser.add_argument("--json", action="store_true", help="status in JSON")
    asked = parser.parse_args()
    try:
        if asked.verb == "up":
            supervise.up(_say)
        elif asked.verb == "down":
            supervise.down(_say)
        elif asked.verb == "status":
            from hub import status  # `up` need not wait for what only this reads

            return status.tell(_say, as_json=asked.json)
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
