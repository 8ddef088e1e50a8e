"""Flip-flop: read the bit that was written last, however much is to be ignored since"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from assay.errors import require
from assay.tasks import TASKS, Classes, Spec, Symbols, Task, counter

WRITE, READ, IGNORE = 2, 3, 4


@TASKS.register
@dataclass(frozen=True, kw_only=True)
class FlipFlop(Task[torch.Tensor]):
    """Instructions with a bit each: write it, ignore it, read the bit that was written last (Liu et al. 2023).

    The language FFL of "Exposing Attention Glitches with Flip-Flop Language Modeling" (arXiv 2306.00946).

    Inputs, int64 (batch, N): instructions (2 write, 3 read, 4 ignore) at the even positions, bits behind them; the
    first instruction writes. A read is a query for the bit behind it.

    Attributes:
        length: N, even: an instruction and its bit are two tokens.

    >>> FlipFlop(length=8).targets(torch.tensor([[2, 1, 4, 0, 3, 1, 3, 1]])).tolist()
    [[-1, -1, -1, -1, 1, -1, 1, -1]]
    """

    name: ClassVar[str] = "flip-flop"
    distributions: ClassVar[dict[str, str]] = {
        "uniform": "instructions uniform",
        "usual": "writes and reads one tenth each, the last instruction reads",
        "rare": "writes and reads one hundredth each, the last instruction reads",
    }
    usual_distribution: ClassVar[str] = "usual"
    symbols: ClassVar[dict[str, str]] = {"length": "N"}
    length: int

    @property
    def spec(self) -> Spec:
        """A symbol a token; reads are scored."""
        require(self.length % 2 == 0 and self.length > 2, "length", self.length, "even and at least 4")
        return Spec(Symbols(5), Classes(2), self.length)

    def draw(self, example_keys: counter.Words, distribution: str) -> torch.Tensor:
        """Independent instructions; a read's bit is the answer, others are uniform."""
        share = {"uniform": 1 / 3, "usual": 0.1, "rare": 0.01}[distribution]
        random = counter.words(example_keys, 0, self.length)
        chance = counter.uniforms(random[:, ::2])
        told = np.where(chance < share, WRITE, np.where(chance < 2 * share, READ, IGNORE))
        told[:, 0], told[:, -1] = WRITE, told[:, -1] if distribution == "uniform" else READ
        tokens = torch.from_numpy(np.stack([told, counter.bits(random[:, 1::2])], axis=2).reshape(len(told), -1))
        answers = self.targets(tokens)[:, ::2]
        tokens[:, 1::2] = torch.where(answers >= 0, answers, tokens[:, 1::2])
        return tokens

    def targets(self, inputs: torch.Tensor) -> torch.Tensor:
        """The bit last written at every read, int64 (batch, N), -1 elsewhere."""
        told, bits = inputs[:, ::2], inputs[:, 1::2]
        written = torch.where(told == WRITE, torch.arange(told.shape[1]), -1).cummax(dim=1).values
        last = bits.gather(1, written.clamp(min=0))
        answers = torch.where((told == READ) & (written >= 0), last, -1)
        return torch.stack([answers, torch.full_like(answers, -1)], dim=2).flatten(1)
