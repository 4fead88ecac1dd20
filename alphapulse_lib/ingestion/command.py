"""The command that asks for an import again, as the import's record keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from alphapulse_lib.providers.contract import Request

__all__ = ["changed", "command", "without_column"]


def command(provider: str, requests: Sequence[Request], title: str) -> list[str]:
    """The words of the command, to be run from any folder.

    Parameters
    ----------
    title : str
        The name of the declared dataset that is imported, if one is.

    Returns
    -------
    list of str
        Empty where no command says it: several requests that are no dataset, a target that is no path.

    Examples
    --------
    >>> command("files", [Request("/data/toy.csv", symbol="TOY", venue="XNAS", stamps="open")], "")[2:]
    ['files', '/data/toy.csv', '--symbol', 'TOY', '--venue', 'XNAS', '--stamps', 'open']
    """
    if title:
        return ["alphapulse", "ingest", title]
    one = requests[0]
    paths = list(one.target) if isinstance(one.target, list | tuple | set) else [one.target]
    if len(requests) > 1 or not all(isinstance(each, str | Path) for each in paths):
        return []
    words = ["alphapulse", "ingest", provider, *(str(Path(each).expanduser().absolute()) for each in paths)]
    venue = one.venue
    if isinstance(venue, Mapping):
        venue = ",".join(f"{symbol}={code}" for symbol, code in venue.items())
    given = {"--kind": one.kind, "--symbol": one.symbol, "--venue": venue, "--period": one.period,
             "--timezone": one.timezone, "--stamps": one.stamps}  # fmt: skip
    usual = {"--kind": "bars", "--period": "1d"}
    for option, value in given.items():
        words += [option, str(value)] if value and value != usual.get(option) else []
    # A name by symbol has no place on the command line; the catalog knows it since.
    words += ["--name", one.name] if isinstance(one.name, str) and one.name else []
    words += [word for pair in one.columns.items() for word in ("--column", "=".join(pair))]
    words += ["--adjusted"] if one.adjusted else []
    words += [] if one.day_first is None else ["--day-first" if one.day_first else "--month-first"]
    words += [] if one.recover else ["--no-recover"]
    return [*words, "--source", one.source] if one.source else words


def changed(words: Sequence[str], option: str, value: str) -> list[str]:
    """The command with another value of an option, whether or not it had one.

    Examples
    --------
    >>> changed(["alphapulse", "ingest", "files", "toy.csv", "--stamps", "open"], "--stamps", "session")[-2:]
    ['--stamps', 'session']
    """
    at = words.index(option) if option in words else len(words)
    return [*words[:at], option, value, *words[at + 2 :]]


def without_column(words: Sequence[str], name: str) -> list[str]:
    """The command without what it says of a column.

    Examples
    --------
    >>> without_column(["ingest", "files", "toy.csv", "--column", "available_at=crawl"], "available_at")
    ['ingest', 'files', 'toy.csv']
    """
    said = [at for at, each in enumerate(words) if each.startswith(f"{name}=") and words[at - 1] == "--column"]
    return [each for at, each in enumerate(words) if not {at, at + 1} & {*said}]
