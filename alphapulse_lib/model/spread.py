"""How far apart numbers are, kept so that one more costs as much as the first: a sweep asks after each trial."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Spread"]

#: Binary places of the least float: as whole numbers of these all floats can be added without a rounding.
_PLACES = 1074


@dataclass(frozen=True, slots=True)
class Spread:
    """How many numbers there are, their sum and that of their squares: exact, so nothing is lost however many come."""

    count: int = 0
    total: int = 0
    squares: int = 0

    @classmethod
    def of(cls, numbers: Iterable[float]) -> Spread:
        """Of those that are finite."""
        count = total = squares = 0
        for each in numbers:
            if math.isfinite(each):
                numerator, denominator = float(each).as_integer_ratio()
                shift = _PLACES - denominator.bit_length() + 1
                count += 1
                total += numerator << shift
                squares += numerator * numerator << 2 * shift
        return cls(count, total, squares)

    def exchanged(self, old: float, new: float) -> Spread:
        """With one number in another's place; ``nan`` is none."""
        gone, come = Spread.of([old]), Spread.of([new])
        return Spread(
            self.count - gone.count + come.count,
            self.total - gone.total + come.total,
            self.squares - gone.squares + come.squares,
        )

    @property
    def variance(self) -> float:
        """The sample variance, rounded once; 0 of fewer than two."""
        if self.count < 2:
            return 0.0
        apart = self.squares * self.count - self.total * self.total
        return apart / (self.count * (self.count - 1) << 2 * _PLACES)
