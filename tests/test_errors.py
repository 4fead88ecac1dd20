"""The error tree is the one its docstring draws, and it speaks to people."""

from __future__ import annotations

import re

from IPython.core.interactiveshell import InteractiveShell

from alphapulse_lib import errors


def test_the_drawn_tree_is_the_tree() -> None:
    drawn = set(re.findall(r"\b([A-Z][A-Za-z]+) {2,}", errors.__doc__ or "")) | {"AlphaPulseError"}
    real = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.AlphaPulseError)
    }
    assert drawn == real
    assert real | {"did_you_mean"} == set(errors.__all__)


def test_a_hint_follows_the_message() -> None:
    error = errors.UnknownSymbol("Unknown symbol 'APPL'.", errors.did_you_mean("APPL", ["AAPL", "MSFT"]))
    assert str(error) == "Unknown symbol 'APPL'.\nDid you mean AAPL?"


def test_nothing_near_leaves_the_command_alone() -> None:
    assert errors.did_you_mean("ZZZZ", ["AAPL"], "ap.instruments() lists them.") == "ap.instruments() lists them."


def test_a_notebook_shows_the_message_without_our_traceback(capsys) -> None:
    shell = InteractiveShell()
    shell.run_cell(
        "from alphapulse_lib.errors import UnknownSymbol\nraise UnknownSymbol('no APPL', 'Did you mean AAPL?')"
    )
    shown = capsys.readouterr().out
    assert "UnknownSymbol: no APPL\nDid you mean AAPL?" in shown
    assert "Traceback" not in shown
