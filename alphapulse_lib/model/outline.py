"""A source in outline: so few bytes that thousands are held against one in milliseconds, and none alike is passed over.

Each of a source's numbers (`alphapulse_lib.model.likeness.shingles`) sets one bit of 2,048. A bit that one source sets
and another does not is of a number that the other has not, so the bits say how many the two share at most. It is the
filter of Bloom (1970, "Space/time trade-offs in hash coding with allowable errors") with one hash: the numbers are
digests already.
"""

from __future__ import annotations

from array import array

from alphapulse_lib.model.likeness import ALIKE

__all__ = ["Outline", "outlined"]

_BITS = 2_048
#: Of a number in what is kept of a source.
_BYTES = 8


def outlined(shingles: bytes) -> bytes:
    """The outline of what is kept of a source (`alphapulse_lib.model.family.told_apart`).

    Examples
    --------
    >>> list(outlined(array("q", [0, 9, 2048]).tobytes())[:3])
    [1, 2, 0]
    """
    bits = bytearray(_BITS // 8)
    for each in array("q", shingles):
        place = each % _BITS
        bits[place >> 3] |= 1 << (place & 7)
    return bytes(bits)


class Outline:
    """The outline of one source, to hold others against.

    Parameters
    ----------
    shingles : bytes
        What is kept of it.
    """

    def __init__(self, shingles: bytes) -> None:
        self._bits, self._count = int.from_bytes(outlined(shingles), "little"), len(shingles) // _BYTES

    def may_be_like(self, outline: bytes, size: int) -> bool:
        """Whether a source may be as like as `ALIKE`, by its outline and how many bytes are kept of it.

        Notes
        -----
        Of ``n`` and ``m`` distinct numbers, ``c`` of them shared, the likeness is ``c / (n + m - c)``: it is ``ALIKE``
        or more where ``c`` is at least ``ALIKE / (1 + ALIKE)`` of ``n + m``.
        """
        count, bits = size // _BYTES, int.from_bytes(outline, "little")
        shared = bits & self._bits
        most = min(count - (bits ^ shared).bit_count(), self._count - (self._bits ^ shared).bit_count())
        return most * (1 + ALIKE) >= ALIKE * (self._count + count)
