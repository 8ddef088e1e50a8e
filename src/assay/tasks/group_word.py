"""Group words: the product of all elements so far"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from assay.groups import named_group
from assay.tasks import TASKS, Classes, Spec, Symbols, Task, counter


@TASKS.register
@dataclass(frozen=True, kw_only=True)
class GroupWord(Task[torch.Tensor]):
    """y_i = x_1 x_2 ... x_i in a group.

    State tracking: Merrill, Petty, Sabharwal 2024; Liu et al. 2023, arXiv 2210.10749.

    The group is one that `assay.groups.named_group` knows, such as S5, Q8 or Z2xS3. Inputs are numbers of its
    generators, or of all its elements, int64 (batch, N).

    Attributes:
        length: N, letters of a word.
        group: its name, such as S5, Q8 or Z2xS3.
        generators: whether letters are generators instead of all elements.

    >>> GroupWord(length=4, group="Z3", generators=False).targets(torch.tensor([[1, 1, 0, 2]])).tolist()
    [[1, 2, 2, 1]]
    """

    name: ClassVar[str] = "group-word"
    distributions: ClassVar[dict[str, str]] = {"uniform": "factors uniform"}
    usual_recipe: ClassVar[dict[str, object]] = {"shortest": 2, "curriculum": True}
    symbols: ClassVar[dict[str, str]] = {"length": "N"}
    length: int
    group: str = "S3"
    generators: bool = True

    @property
    def factors(self) -> np.ndarray:
        """Elements that a token may be."""
        group = named_group(self.group)
        return np.array(group.generators) if self.generators else np.arange(group.order)

    @property
    def spec(self) -> Spec:
        """A factor a token; every token is a query."""
        return Spec(Symbols(len(self.factors)), Classes(max(2, named_group(self.group).order)), self.length)

    def draw(self, example_keys: counter.Words, distribution: str) -> torch.Tensor:
        return torch.from_numpy(counter.integers(counter.words(example_keys, 0, self.length), len(self.factors)))

    def targets(self, inputs: torch.Tensor) -> torch.Tensor:
        """Numbers of the products, int64 (batch, N); time O(N)."""
        table, factors = named_group(self.group).table, self.factors[inputs.numpy()]
        for place in range(1, factors.shape[1]):
            factors[:, place] = table[factors[:, place - 1], factors[:, place]]
        return torch.from_numpy(factors)
