"""Networks called on many inputs: in batches that fit into memory, some of which a network may refuse to answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from assay.constructions.construction import Construction
from assay.errors import CertificateError
from assay.tasks.task import AnyInputs, Inputs

NO_NUMBER = 1e300  # stands for the error of an answer that is not a finite number, which JSON does not know
NUMBERS_AT_ONCE = 1 << 22  # that a network may hold at work
MOST_AT_ONCE = 1024


@dataclass(frozen=True)
class Trial:
    """What a network did on some inputs.

    Attributes:
        tried: inputs that it was called on.
        refused: those of them that it gave no answer to, for want of a certificate.
        largest_error: over the inputs that were answered, NO_NUMBER if an answer is no number; None if none was.
    """

    tried: int
    refused: int
    largest_error: float | None

    def refutation(self, guaranteed: float) -> str:
        """Why this does not bear out that answers err by at most `guaranteed`, in words; empty if it does.

        >>> Trial(tried=200, refused=200, largest_error=None).refutation(0.1)
        'it refuses all 200 inputs that were tried'
        """
        if self.largest_error is None:
            return refuses_all(self.tried)
        if self.largest_error <= guaranteed:
            return ""
        return f"it errs by {self.largest_error:.6g} on an input, more than {guaranteed:.6g}"


def refuses_all(tried: int) -> str:
    """What is said of a network that answered nothing, of which no error, tolerance or guarantee is said to hold."""
    return f"it refuses all {tried} inputs that were tried"


def together(trials: Iterable[Trial]) -> Trial:
    """Several trials as one."""
    trials = list(trials)
    errors = [trial.largest_error for trial in trials if trial.largest_error is not None]
    return Trial(
        sum(trial.tried for trial in trials), sum(trial.refused for trial in trials), max(errors, default=None)
    )


def at_once(network: Construction) -> int:
    """Inputs of one batch, at least 1."""
    return max(1, NUMBERS_AT_ONCE // network.numbers_at_work())


def finite(errors: Tensor) -> Tensor:
    """Errors with NO_NUMBER in place of what is no finite number."""
    return errors.nan_to_num(nan=NO_NUMBER, posinf=NO_NUMBER)


def answered(function: Callable[[Inputs], Tensor], inputs: Inputs) -> tuple[Tensor | None, Tensor]:
    """What a network, or a part of it, makes of those inputs that it has a certificate for, and which these are.

    A batch that is refused is halved until it is known which of its inputs are to blame.

    Returns:
        One row of outputs for each answered input, None where there is none, and their numbers in the batch, int64.
    """
    outputs: list[Tensor] = []
    rows: list[Tensor] = []
    waiting = [torch.arange(count_of(inputs))]
    while waiting:
        some = waiting.pop()
        try:
            outputs.append(function(rows_of(inputs, some)))
            rows.append(some)
        except CertificateError:
            if len(some) > 1:
                waiting += reversed(some.tensor_split(2))
    if not rows:
        return None, torch.arange(0)
    return torch.cat(outputs), torch.cat(rows)


def each(inputs: Inputs, change: Callable[[Tensor], Tensor]) -> Inputs:
    """Inputs with every tensor changed: they are one tensor, or a named tuple of tensors."""
    if isinstance(inputs, Tensor):
        return change(inputs)  # ty: ignore[invalid-explicit-return]  # it is a tensor, and so Inputs is
    return type(inputs)(*map(change, inputs))


def rows_of(inputs: Inputs, rows: Tensor | slice) -> Inputs:
    """Some inputs of a batch."""
    return each(inputs, lambda tensor: tensor[rows])


def count_of(inputs: AnyInputs) -> int:
    """Inputs in a batch."""
    return len(inputs) if isinstance(inputs, Tensor) else len(inputs[0])


def joined(parts: Sequence[Inputs]) -> Inputs:
    """Batches of inputs as one."""
    rest = iter(zip(*((part,) if isinstance(part, Tensor) else part for part in parts), strict=True))
    return each(parts[0], lambda _: torch.cat(next(rest)))
