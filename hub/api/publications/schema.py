"""What a request to publish is on the wire, and what of it stands in the worker's line."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from alphapulse_lib.errors import InputError
from alphapulse_lib.model.period import Period

__all__ = ["LINE", "Publication", "Publish", "Reversal", "Revert"]

#: Where a vendor's name stands in other requests: publications wait for each other alone.
LINE = "publish"


def _period(text: str) -> str:
    try:
        return str(Period.parse(text))
    except InputError as wrong:
        raise ValueError(f"{wrong.message} {wrong.hint}") from None


InstrumentId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f]+$", examples=["ACME.XNAS"])]


class Publish(BaseModel):
    """Which series of an upload are to be published."""

    model_config = ConfigDict(extra="forbid")

    upload: Annotated[str, Field(pattern="^[0-9a-f]{32}$", description="The id under which the files were sent.")]
    instruments: Annotated[list[InstrumentId], Field(min_length=1, max_length=20_000, description="Their ids.")]
    period: Annotated[str, Field(max_length=16, description="Of the bars."), AfterValidator(_period)] = "1d"
    adjusted: Annotated[
        list[InstrumentId], Field(max_length=20_000, description="Those of them whose prices were declared adjusted.")
    ] = Field(default_factory=list)


@dataclass(frozen=True)
class Publication:
    """Somebody's request to publish, as it stands in the line."""

    wanted: Publish
    owner: str
    provider: str = LINE
    dataset: str = ""

    def asked(self) -> dict[str, Any]:
        """What is to be published, and whose it is."""
        wanted = self.wanted
        ids = sorted(set(wanted.instruments))
        told = {"kind": "publication", "upload": wanted.upload, "owner": self.owner, "period": wanted.period}
        return told | {"symbols": ids, "adjusted": sorted(set(wanted.adjusted) & set(ids))}

    def digest(self) -> str:
        """One request an upload."""
        return hashlib.sha256(f"{self.owner}\n{self.wanted.upload}".encode()).hexdigest()


class Revert(BaseModel):
    """Which publication is to be taken back."""

    model_config = ConfigDict(extra="forbid")

    import_id: Annotated[
        str, Field(alias="import", pattern=r"^[0-9a-zA-Z-]{1,64}$", description="Its import in the team's catalog.")
    ]


@dataclass(frozen=True)
class Reversal:
    """Somebody's request to take a publication back, as it stands in the line."""

    import_id: str
    owner: str
    provider: str = LINE
    dataset: str = ""

    def asked(self) -> dict[str, Any]:
        """What is to be taken back, and who asked first."""
        return {"kind": "reversal", "revert": self.import_id, "owner": self.owner, "symbols": [self.import_id]}

    def digest(self) -> str:
        """Whoever asks for the same shares it."""
        return hashlib.sha256(f"revert\n{self.import_id}".encode()).hexdigest()
