"""What is guaranteed of explicit weights for a language: for which words, in which arithmetic, and by what."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch

from assay.errors import AssayError, require
from assay.languages.automaton import Automaton

DTYPES = {"float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True)
class Guarantee:
    """Every output is exactly 0 or 1, and right, on every word over the alphabet up to a length.

    Attributes:
        network: what was built.
        dtype: arithmetic of the forward pass, on a CPU.
        longest: words of up to so many letters; None where the length does not matter.
        layers: that depend on other places.
        width: numbers that one token holds.
        enumerated: what was computed in this arithmetic, all of it, and found right.
        justification: what follows from that, and how.
    """

    network: str
    dtype: str
    longest: int | None
    layers: int
    width: int
    enumerated: str
    justification: str

    def to_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return asdict(self)


def require_dtype(dtype: torch.dtype) -> None:
    """Refuse an arithmetic for which nothing is proved.

    Raises:
        AssayError: it is not float32 or float64.
    """
    require(dtype in DTYPES.values(), "dtype", dtype, " or ".join(map(str, DTYPES.values())))


def require_words(words: torch.Tensor, automaton_letters: str, longest: int | None) -> None:
    """Refuse words that the guarantee does not speak of.

    Args:
        words: numbers of letters, int64 (batch, length).
        automaton_letters: the alphabet.
        longest: the most letters; None for any number.

    Raises:
        AssayError: it is another tensor, a number is no letter's, or the words are too long.
    """
    if words.ndim != 2 or words.dtype != torch.int64:
        raise AssayError(f"words of shape {tuple(words.shape)} and {words.dtype}: they must be int64 (batch, length)")
    if longest is not None:
        require(words.shape[1] <= longest, "length", words.shape[1], f"at most {longest}, for which weights were made")
    last = len(automaton_letters) - 1
    inside = words.numel() == 0 or bool(((words >= 0) & (words <= last)).all())
    require(inside, "letters", "another number", f"numbers from 0 to {last}, of {automaton_letters}")


def one_hot_maps(automaton: Automaton, dtype: torch.dtype) -> torch.Tensor:
    """For each letter the matrix with a 1 at [state before, state after]: (letters, states, states)."""
    table = torch.from_numpy(automaton.table.T.copy())
    return torch.nn.functional.one_hot(table, automaton.states).to(dtype)
