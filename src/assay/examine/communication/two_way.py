"""Two-way deterministic complexity of exact answers, from below by rank and fooling sets, from above by one message.

Bits are counted until either party knows the answer. If both have to, at most log2 of the number of different answers,
rounded up, comes on top.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.examine.communication.fooling import USUAL_NODES, FoolingSet, fooling_set
from assay.examine.communication.matrix import CommunicationMatrix
from assay.examine.communication.rank import rational_rank


@dataclass(frozen=True)
class TwoWay:
    """What bounds the bits of a deterministic protocol, with as many turns as it likes.

    Attributes:
        rank: over the rational numbers; see `assay.examine.communication.rank` for why its logarithm is a lower bound.
        fooling: the largest fooling set found.
        distinct_rows: Alice's messages, if she sends which row hers is like.
        distinct_columns: Bob's, likewise.
    """

    rank: int
    fooling: FoolingSet
    distinct_rows: int
    distinct_columns: int

    @property
    def bits_at_least(self) -> int:
        """The larger of log2 rank and log2 of the fooling set, rounded up."""
        return (max(self.rank, len(self.fooling.pairs), 1) - 1).bit_length()

    @property
    def bits_at_most(self) -> int:
        """One party sends all that matters: log2 of different rows or columns, whichever are fewer, rounded up."""
        return (min(self.distinct_rows, self.distinct_columns) - 1).bit_length()


def two_way(matrix: CommunicationMatrix, *, nodes: int = USUAL_NODES) -> TwoWay:
    """Bounds on the deterministic complexity of exact answers; costs: `rational_rank` and `fooling_set`.

    >>> from assay.examine.communication import matrix_of
    >>> bounds = two_way(matrix_of(lambda x: x[0] & x[1] != 0, [16, 16], [0]))  # do two sets intersect?
    >>> bounds.rank, len(bounds.fooling.pairs), bounds.bits_at_least, bounds.bits_at_most
    (15, 16, 4, 4)
    """
    return TwoWay(
        rational_rank(matrix),
        fooling_set(matrix, nodes=nodes),
        len(np.unique(matrix.multiples, axis=0)),
        len(np.unique(matrix.multiples, axis=1).T),
    )
