"""What trading costs, as every command that runs a strategy is told it."""

from __future__ import annotations

from typing import Annotated

import typer

import alphapulse_lib as ap
from alphapulse_lib.cli.say import as_value, pairs
from alphapulse_lib.errors import InputError

__all__ = ["Costs", "costs_of"]

Costs = Annotated[
    list[str] | None,
    typer.Option(
        "--costs",
        "-c",
        help="A broker's schedule (ibkr-pro-fixed, ibkr-pro-tiered, alpaca) or NAME=NUMBER; again for more.",
    ),
]


def costs_of(told: list[str] | None, **flags: float) -> ap.Costs:
    """A broker's schedule, if one is told, with what else was told laid over it."""
    brokers = [each for each in told or () if "=" not in each]
    if len(brokers) > 1:
        raise InputError(f"--costs names {len(brokers)} schedules: {', '.join(brokers)}.", "An account has one broker.")
    over = {name: as_value(text) for name, text in pairs([each for each in told or () if "=" in each]).items()}
    over |= {name: value for name, value in flags.items() if value}
    return ap.Costs.preset(brokers[0], **over) if brokers else ap.Costs.from_dict(over)
