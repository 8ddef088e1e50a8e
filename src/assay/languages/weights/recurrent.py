"""Any automaton as one linear recurrent layer: h_t = M_s h_(t-1) with one-hot states, exact at any length."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from assay.arithmetic.torch_settings import dtype_name
from assay.errors import Refuted
from assay.languages.automaton import Automaton
from assay.languages.weights.guarantee import Guarantee, one_hot_maps, require_words


class RecurrentAutomaton(nn.Module):
    """One recurrent layer whose state is the automaton's, one-hot.

    h_t = M_s h_(t-1), where s is the t-th letter and M_s has a 1 at [next state, state] for each state; the answer
    after each letter is the sum of h_t over accepting states.

    Args:
        automaton: of the language.
        dtype: of all numbers; any in which 0 and 1 are exact.

    >>> from assay.languages.expression import automaton_of
    >>> layer = RecurrentAutomaton(automaton_of("(ab)*"))
    >>> layer(torch.tensor([[0, 1, 0, 1]]))
    tensor([[0., 1., 0., 1.]])
    """

    step: Tensor
    accepting: Tensor

    def __init__(self, automaton: Automaton, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.automaton = automaton
        self.register_buffer("step", one_hot_maps(automaton, dtype).transpose(1, 2).contiguous())
        self.register_buffer("accepting", torch.tensor(automaton.accepting.copy()).to(dtype))

    def forward(self, words: Tensor) -> Tensor:
        """Whether the word is in the language after each letter.

        Args:
            words: numbers of letters, int64 (batch, length).

        Returns:
            0 or 1, (batch, length).

        Raises:
            AssayError: a number is no letter's.
        """
        require_words(words, self.automaton.letters, None)
        state = torch.zeros(len(words), self.automaton.states, 1, dtype=self.step.dtype)
        state[:, 0] = 1
        answers = torch.empty(words.shape, dtype=self.step.dtype)
        for place in range(words.shape[1]):
            state = self.step[words[:, place]] @ state
            answers[:, place] = state[..., 0] @ self.accepting
        return answers

    def guarantee(self) -> Guarantee:
        """Multiply every matrix with every one-hot state, in this arithmetic, and compare with the automaton.

        Raises:
            Refuted: a product is wrong, so the weights are not those that were built.
        """
        states, table = self.automaton.states, torch.from_numpy(self.automaton.table.T.copy())
        hot = torch.eye(states, dtype=self.step.dtype)
        products = self.step @ hot  # (letters, state after, state before)
        right = (products == hot[table].transpose(1, 2)).all() and (
            hot @ self.accepting == torch.tensor(self.automaton.accepting.copy()).to(hot.dtype)
        ).all()
        if not right:
            raise Refuted("a step of the recurrent layer is not that of the automaton")
        return Guarantee(
            "recurrent layer, one-hot",
            dtype_name(self.step.dtype),
            None,
            1,
            states,
            f"all {table.numel()} steps of a letter from a state, and the answers of all {states} states",
            "by induction every state is one-hot, since a step of one is; sums have one term that is not 0, so they "
            "are exact in any order",
        )
