"""What goes from one party to the other: numbers as packed bytes, counted."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from assay.arithmetic.fixed_point import MOST_BITS, FixedPoint
from assay.errors import AssayError, require_integer


@dataclass(frozen=True)
class Sent:
    """One message of one run.

    Attributes:
        sender: Alice or Bob.
        what: in words.
        numbers: how many.
        bits_each: of one number.
        size_bytes: of the message as sent.
    """

    sender: str
    what: str
    numbers: int
    bits_each: int
    size_bytes: int

    @property
    def bits(self) -> int:
        """numbers * bits_each: all bits of the bytes but the padding of the last one."""
        return self.numbers * self.bits_each

    def to_json(self) -> dict[str, object]:
        """Plain JSON values."""
        return {**asdict(self), "bits": self.bits}


class Channel:
    """Carries numbers as bytes and keeps the record of one run; runs of a batch are sent side by side.

    Attributes:
        numbers: the format that numbers are sent in, as whole numbers in two's complement, packed without gaps; None
            where floating-point numbers are sent as their own bits.
        sent: the messages of one run.

    >>> channel = Channel(FixedPoint(bits=3, fraction=2))
    >>> channel.send("Alice", "a state", torch.tensor([[0.25, -1.0, 0.8]])).tolist(), channel.sent[0].bits
    ([[0.25, -1.0, 0.75]], 9)
    >>> channel.sent[0].size_bytes
    2
    """

    def __init__(self, numbers: FixedPoint | None) -> None:
        if numbers is not None:
            require_integer("bits", numbers.bits, 1, MOST_BITS)
        self.numbers = numbers
        self.sent: list[Sent] = []

    @property
    def bits(self) -> int:
        """Bits of all messages of one run."""
        return sum(message.bits for message in self.sent)

    def send(self, sender: str, what: str, message: Tensor) -> Tensor:
        """What arrives of the messages (batch, numbers), one row for each run: the same shape and dtype.

        Raises:
            AssayError: a number that the sender could not compute from its own part of the input (NaN).
        """
        packed = self.pack(message)
        bits_each = 8 * message.element_size() if self.numbers is None else self.numbers.bits
        self.sent.append(Sent(sender, what, message.shape[1], bits_each, packed.shape[1]))
        return self.unpack(packed, message.shape[1], message.dtype)

    def pack(self, message: Tensor) -> NDArray[np.uint8]:
        """The bytes of the messages (batch, numbers): one row for each.

        Raises:
            AssayError: as for `send`.
        """
        array = np.ascontiguousarray(message.detach().numpy())
        if np.isnan(array).any():
            raise AssayError(
                "a party's message is not a number: the network diverged, or depends on what the party does not hold"
            )
        if self.numbers is None:
            return array.view(np.uint8).reshape(len(array), -1)
        half = 1 << (self.numbers.bits - 1)
        whole = np.rint(np.ldexp(array.astype(np.float64), self.numbers.fraction)).clip(-half, half - 1)
        places = np.arange(self.numbers.bits - 1, -1, -1)
        bits = (whole.astype(np.int64)[:, :, None] >> places & 1).astype(np.uint8)
        return np.packbits(bits.reshape(len(array), -1), axis=1)

    def unpack(self, packed: NDArray[np.uint8], count: int, dtype: torch.dtype) -> Tensor:
        """The numbers (batch, count) that the bytes hold."""
        if self.numbers is None:
            kind = torch.empty(0, dtype=dtype).numpy().dtype
            return torch.from_numpy(np.ascontiguousarray(packed).view(kind).reshape(-1, count).copy())
        width = self.numbers.bits
        bits = np.unpackbits(packed, axis=1, count=count * width).reshape(-1, count, width).astype(np.int64)
        weights = 1 << np.arange(width - 1, -1, -1, dtype=np.int64)
        weights[0] = -weights[0]
        return torch.from_numpy(np.ldexp((bits @ weights).astype(np.float64), -self.numbers.fraction)).to(dtype)


def distinct(packed: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each row, the number of its group of equal rows, and for each group the first row in it."""
    rows = np.ascontiguousarray(packed)
    whole = rows.view(np.dtype((np.void, rows.shape[1]))).ravel()
    _, first, group = np.unique(whole, return_index=True, return_inverse=True)
    return group.ravel(), first
