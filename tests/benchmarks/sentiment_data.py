"""The labelled headlines the scorers are measured on, and their split. They are not part of the project.

SEntFiN labels the entities of a headline, not the headline: a headline is used where all its entities agree, and has
their label (9,520 of 10,753). The Twitter set labels texts. A text's split is decided by the hash of its bare words,
so that it is the same on every machine and a repeated headline never stands on both sides.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FOLDER", "Headlines", "read"]

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "news"

_TWITTER_LABELS = {"0": "negative", "1": "positive", "2": "neutral"}


@dataclass(frozen=True, slots=True)
class Headlines:
    """Texts with their labels (``negative``, ``neutral``, ``positive``)."""

    name: str
    texts: list[str]
    labels: list[str]

    def held_out(self) -> Headlines:
        """The fifth that no weight was fitted on."""
        return self._where(True)

    def fitted(self) -> Headlines:
        """The other four fifths."""
        return self._where(False)

    def _where(self, held: bool) -> Headlines:
        kept = [place for place, text in enumerate(self.texts) if (_fold_of(text) == 0) is held]
        return Headlines(self.name, [self.texts[place] for place in kept], [self.labels[place] for place in kept])


def read() -> list[Headlines]:
    """Both sets, in the order of their files."""
    return [_sentfin(), _twitter()]


def _rows(name: str) -> list[dict[str, str]]:
    text = gzip.decompress((FOLDER / name).read_bytes()).decode("utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def _sentfin() -> Headlines:
    found = Headlines("SEntFiN", [], [])
    for row in _rows("sentfin.csv.gz"):
        labels = set(re.findall(r""":\s*["'](positive|negative|neutral)["']""", row["Decisions"]))
        if len(labels) == 1:
            found.texts.append(row["Title"])
            found.labels.append(labels.pop())
    return found


def _twitter() -> Headlines:
    rows = _rows("tfns_train.csv.gz")
    return Headlines(
        "Twitter financial news", [row["text"] for row in rows], [_TWITTER_LABELS[row["label"]] for row in rows]
    )


def _fold_of(text: str) -> int:
    bare = " ".join(re.findall(r"[a-z]+", re.sub(r"https?://\S+|\$\w+", "", text.lower())))
    return zlib.crc32(bare.encode()) % 5
