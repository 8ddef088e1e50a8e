"""The size of a network: the quantities that the theorems measure an architecture by."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from assay.errors import require
from assay.schema import Json


@dataclass(frozen=True)
class Size:
    """How large a network is.

    Attributes:
        width: embedding dimension m: numbers that one token holds. For a feed-forward network, rows of its first layer.
            0 only in a statement about all smaller widths that excludes none.
        heads: attention heads H per layer, summed.
        head_width: coordinates of the sum that one head writes; 0 if all of them, as in the paper's model.
        depth: layers D.
        precision: bits p per number.
        score_width: coordinates the dot product of one head runs over; 0 where there is none.
        state: numbers carried from one position to the next; 0 where nothing is carried.
        parameters: trainable or stored numbers.

    >>> size = Size(width=16, state=32, precision=8)
    >>> size.message_bits, size.state_bits
    (128, 256)
    """

    width: int
    heads: int = 1
    head_width: int = 0
    depth: int = 1
    precision: int = 32
    score_width: int = 0
    state: int = 0
    parameters: int = 0

    def __post_init__(self) -> None:
        for name in ("width", "heads", "depth", "precision"):
            value, least = getattr(self, name), int(name != "width")
            require(isinstance(value, int) and value >= least, name, value, f"an integer of at least {least}")

    @property
    def message_bits(self) -> int:
        """Bits m·p that hold all that one token knows before it looks at the others."""
        return self.width * self.precision

    @property
    def state_bits(self) -> int:
        """Bits that a recurrent network carries from one position to the next."""
        return self.state * self.precision

    def to_json(self) -> Json:
        """The fields as a dictionary that `Size(**...)` takes back."""
        return asdict(self)
