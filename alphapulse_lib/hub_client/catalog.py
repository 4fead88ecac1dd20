"""``/v1/instruments``, ``/v1/bars``, ``/v1/news``, ``/v1/coverage``: the team's catalog, as Arrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alphapulse_lib.errors import HubFault
from alphapulse_lib.hub_client.transport import Transport

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Catalog", "HeldSeries"]

_ARROW = "application/vnd.apache.arrow.stream"


@dataclass(frozen=True, slots=True)
class HeldSeries:
    """What the catalog holds of a series, and which sessions are missing against its exchange's calendar."""

    symbol: str
    period: str
    complete: bool
    missing_sessions: int
    intervals: tuple[dict[str, Any], ...]
    gaps: tuple[dict[str, Any], ...]


class Catalog:
    """The team's catalog, for who cannot read its files: the same answers as ``ap.*`` with ``frame="arrow"``."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def instruments(self) -> pa.Table:
        """One row an instrument."""
        return self._table("/v1/instruments", {})

    def bars(
        self,
        symbols: str | Sequence[str],
        period: str = "1d",
        start: str | None = None,
        end: str | None = None,
        *,
        adjust: str = "splits",
        as_of: str | None = None,
    ) -> pa.Table:
        """Bars, sorted by time and symbol; as they were known at ``as_of``. The arguments are those of `ap.bars`."""
        query = {"symbol": symbols if isinstance(symbols, str) else list(symbols), "period": period, "start": start}
        return self._table("/v1/bars", {**query, "end": end, "adjust": adjust, "as_of": as_of})

    def news(
        self,
        symbols: str | Sequence[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        *,
        as_of: str | None = None,
    ) -> pa.Table:
        """Articles with the scores of their headlines; as they could be read at ``as_of``."""
        wanted = symbols if isinstance(symbols, str | None) else list(symbols)
        return self._table("/v1/news", {"symbol": wanted, "start": start, "end": end, "as_of": as_of})

    def coverage(self, symbol: str, period: str = "1d", start: str | None = None, end: str | None = None) -> HeldSeries:
        """What is held of a series, and its gaps."""
        query = {"symbol": symbol, "period": period, "start": start, "end": end}
        return self._transport.ask(HeldSeries, "GET", "/v1/coverage", query=query)

    def _table(self, path: str, query: Mapping[str, Any]) -> pa.Table:
        import pyarrow as pa

        answer = self._transport.send("GET", path, query=query, headers={"Accept": _ARROW})
        try:
            with pa.ipc.open_stream(answer.content) as stream:
                return stream.read_all()
        except (pa.ArrowException, OSError) as wrong:
            raise HubFault(f"The hub's table at {path} cannot be read: {wrong}.") from None
