"""What is asked for to be run now: a notebook, or a strategy that the shipped one runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, model_validator

from alphapulse_lib.errors import InputError
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.run import Costs
from alphapulse_lib.model.window import Window
from hub.api.schedules.output import DEFAULT, TEMPLATE, require_strategy, seen_from
from hub.api.schedules.schema import Asked, Notebook, Output, Parameters, Timeout

__all__ = ["Backtest", "CostName"]

Symbol = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f]+$", examples=["AAPL"])]
#: The fields of `Costs`, which a test holds this to.
CostName = Literal[
    "per_share", "percent", "minimum", "slippage_bps", "maximum", "maximum_percent", "fee_per_share",
    "surcharge_percent", "sell_percent", "sell_per_share", "sell_maximum", "sell_round_up", "half_spread_bps",
    "half_spread", "impact_bps", "borrow_percent", "interest_percent", "debit_percent",
]  # fmt: skip


@contextmanager
def _as_a_value() -> Iterator[None]:
    """What the library refuses, as pydantic understands it."""
    try:
        yield
    except InputError as wrong:
        raise ValueError(f"{wrong.message} {wrong.hint}") from None


def _period(text: str) -> str:
    with _as_a_value():
        Period.parse(text)
    return text


def _costs(values: dict[CostName, bool | float]) -> dict[CostName, bool | float]:
    for name, value in values.items():
        if isinstance(value, bool) and name != "sell_round_up":
            raise ValueError(f"costs: {name}={value!r} is no number")
    with _as_a_value():
        Costs.from_dict({str(name): value for name, value in values.items()})
    return values


class Strategy(BaseModel):
    """A strategy to be run on the catalog's bars, with what `ap.backtest` takes."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=400,
            description="A shipped one, `module:Class`, or `file.py:Class` with the file's path in the workspace.",
            examples=["SmaCross", "strategies/mine.py:Mine"],
        ),
        AfterValidator(require_strategy),
    ]
    symbols: Annotated[list[Symbol], Field(min_length=1, max_length=1000)]
    period: Annotated[str, Field(max_length=16), AfterValidator(_period)] = "1d"
    start: Annotated[
        str | None, Field(max_length=40, description="A day or a moment; from the first bar unless told.")
    ] = None
    end: Annotated[str | None, Field(max_length=40)] = None
    also: Annotated[
        list[Annotated[str, Field(max_length=16), AfterValidator(_period)]],
        Field(max_length=8, description="Longer periods whose bars it is told of besides.", examples=[["1d"]]),
    ] = Field(default_factory=list)
    params: Parameters = Field(default_factory=dict)
    cash: Annotated[float, Field(strict=True, gt=0, le=1e12)] = 100_000.0
    fill: Literal["next_open", "close", "next_close", "vwap", "ticks"] = "next_open"
    costs: Annotated[dict[CostName, StrictBool | Annotated[float, Field(ge=0, le=1e9)]], AfterValidator(_costs)] = (
        Field(default_factory=dict)
    )
    adjust: Literal["splits", "none"] = "splits"
    dividends: Annotated[
        bool | None, Field(description="Whether they are paid; where splits are followed unless told.")
    ] = None
    benchmark: Annotated[
        Symbol | None, Field(description="What the result is held against; its own instruments unless told.")
    ] = None
    gaps: Literal["refuse", "allow"] = "refuse"

    @model_validator(mode="after")
    def _has_a_window(self) -> Self:
        with _as_a_value():
            Window.of(self.start, self.end)
        return self


class Backtest(BaseModel):
    """A notebook, or a strategy, to be run now."""

    model_config = ConfigDict(extra="forbid")

    notebook: Notebook | None = None
    parameters: Parameters = Field(default_factory=dict)
    strategy: Strategy | None = Field(None, description=f"In place of a notebook: what {TEMPLATE} runs.")
    timeout: Timeout = 3600
    output: Output = DEFAULT

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.notebook is None) == (self.strategy is None):
            raise ValueError("give either a notebook or a strategy")
        if self.strategy is not None and self.parameters:
            raise ValueError("parameters are a notebook's; a strategy's are its params")
        self.asked()  # whatever is wrong with the two together is said here
        return self

    def asked(self) -> Asked:
        """The notebook that does it."""
        if self.strategy is None:
            return Asked(
                notebook=self.notebook or "", parameters=self.parameters, timeout=self.timeout, output=self.output
            )
        values = self.strategy.model_dump()
        values["strategy"] = seen_from(TEMPLATE, values.pop("name"))
        return Asked(notebook=TEMPLATE, parameters=values, timeout=self.timeout, output=self.output)
