"""Regular languages: the state of the minimal automaton after every letter"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from assay.languages.automaton import Automaton
from assay.languages.expression import automaton_of
from assay.languages.words import AcceptedWords
from assay.tasks import TASKS, Classes, Spec, Symbols, Task, counter


@TASKS.register
@dataclass(frozen=True, kw_only=True)
class Language(Task[torch.Tensor]):
    """y_i is the state that the minimal automaton of a regular expression is in after the letters x_1 ... x_i.

    Simulating an automaton (Liu et al. 2023, arXiv 2210.10749).

    Inputs are numbers of letters, in the order of the alphabet, int64 (batch, N); answers are numbers of states, in the
    order of `assay.languages.automaton.Automaton`. A language that has no word of N letters gives beginnings: the first
    N letters of words of the next length that it has. Where it has one word of a length, or all of them end in the same
    states, the position alone tells the state at this length; so it is no baseline, and a network should be tested at
    longer ones.

    Attributes:
        length: N, letters of a word.
        expression: a regular expression, such as (ab)*.
        alphabet: all letters; empty for those that the expression names.

    >>> task = Language(length=4, expression="(ab)*")
    >>> task.targets(torch.tensor([[0, 1, 0, 1], [0, 1, 1, 0]])).tolist()  # 2: no word of the language begins so
    [[1, 0, 1, 0], [1, 0, 2, 2]]
    >>> task.sample(2, seed=0, distribution="accepted").inputs.tolist()
    [[0, 1, 0, 1], [0, 1, 0, 1]]
    """

    name: ClassVar[str] = "language"
    distributions: ClassVar[dict[str, str]] = {
        "accepted": "uniform over the words of the language",
        "half": "half words of the language, half these with one letter changed, at a uniform place",
        "uniform": "letters uniform",
    }
    usual_distribution: ClassVar[str] = "half"
    usual_recipe: ClassVar[dict[str, object]] = {"shortest": 2}
    partial_baselines: ClassVar[frozenset[str]] = frozenset({"place"})
    length: int
    expression: str = "(ab)*"
    alphabet: str = ""

    @property
    def automaton(self) -> Automaton:
        """The minimal automaton."""
        return automaton_of(self.expression, self.alphabet or None)

    @property
    def spec(self) -> Spec:
        """A letter a token; every token is a query. The token in front is what averages become counts by."""
        automaton = self.automaton
        return Spec(Symbols(len(automaton.letters)), Classes(max(2, automaton.states)), self.length, sink=True)

    def draw(self, example_keys: counter.Words, distribution: str) -> torch.Tensor:
        letters, random = len(self.automaton.letters), counter.words(example_keys, 0, self.length + 3)
        if distribution == "uniform":
            return torch.from_numpy(counter.integers(random[:, : self.length], letters))
        words = self._accepted.words(counter.uniforms(random[:, : self.length]))
        if distribution == "half" and letters > 1:
            which, places, others = random[:, self.length :].T
            rows = np.flatnonzero(counter.bits(which))
            at = counter.integers(places[rows], self.length)
            words[rows, at] = (words[rows, at] + 1 + counter.integers(others[rows], letters - 1)) % letters
        return torch.from_numpy(words)

    def lacks(self, distribution: str) -> str:
        """Words, where the language is finite and all of its words are shorter."""
        return (
            "" if distribution == "uniform" or self._accepted.exist else "a word of at least N letters in the language"
        )

    def targets(self, inputs: torch.Tensor) -> torch.Tensor:
        """Numbers of states, int64 (batch, N); time O(N)."""
        return torch.from_numpy(self.automaton.run(inputs.numpy()))

    @property
    def _accepted(self) -> AcceptedWords:
        return AcceptedWords.of(self.automaton, self.length)
