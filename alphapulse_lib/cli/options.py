"""Arguments and options that several commands take."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["Also", "AsOf", "At", "Benchmark", "End", "Json", "Params", "RecordedAsOf", "Start", "Symbols"]

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Symbols = Annotated[list[str], typer.Argument(help="Symbols (AAPL) or ids (AAPL.XNAS).")]
Start = Annotated[str | None, typer.Option(help="First day or moment, such as 2010-01-04.")]
End = Annotated[str | None, typer.Option(help="Last day or moment; a day is included whole.")]
AsOf = Annotated[str | None, typer.Option(help="What could be known at that moment. Default: now.")]
Also = Annotated[
    list[str] | None, typer.Option(help="A longer period whose bars the strategy is told of besides; repeatable.")
]
Benchmark = Annotated[
    str | None, typer.Option(help="What to hold the result against, such as SPY. Default: the instruments, held.")
]
RecordedAsOf = Annotated[str | None, typer.Option(help="What this catalog held at that moment. Default: now.")]
At = Annotated[str | None, typer.Option(help="The day, such as 2008-09-12.")]
Params = Annotated[list[str] | None, typer.Option("--param", "-p", help="NAME=VALUE, several times.")]
