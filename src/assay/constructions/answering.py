"""Networks called on many inputs: in batches that fit into memory, some of which a network may refuse to answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from assay.constructions.construction import Construction
from assay.errors import CertificateError
from assay.tasks.task import Task

NO_NUMBER = 1e300  # stands for the error of an answer that is not a finite number, which JSON does not know
_NUMBERS_AT_ONCE = 1 << 22  # that a network may hold at work
_MOST_AT_ONCE = 1024
_NUMBERS_OF_A_TOKEN = 64  # where a network does not say: its token's own, and those of its layers


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


def at_once(network: Any, task: Task) -> int:
    """Inputs of one batch, at least 1."""
    if isinstance(network, Construction):
        return max(1, _NUMBERS_AT_ONCE // network.numbers_at_work())
    size = getattr(network, "size", None)
    of_token = max(_NUMBERS_OF_A_TOKEN, task.spec.queries, 0 if size is None else 8 * size.width)
    return max(1, min(_MOST_AT_ONCE, _NUMBERS_AT_ONCE // (task.spec.length * of_token)))


def finite(errors: Tensor) -> Tensor:
    """Errors with NO_NUMBER in place of what is no finite number."""
    return errors.nan_to_num(nan=NO_NUMBER, posinf=NO_NUMBER)


def answered(function: Callable[[Any], Tensor], inputs: Any) -> tuple[Tensor | None, Tensor]:
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


def each(inputs: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Inputs with every tensor changed: they are one tensor, or a named tuple of tensors."""
    return change(inputs) if isinstance(inputs, Tensor) else type(inputs)(*map(change, inputs))


def rows_of(inputs: Any, rows: Tensor | slice) -> Any:
    """Some inputs of a batch."""
    return each(inputs, lambda tensor: tensor[rows])


def count_of(inputs: Any) -> int:
    """Inputs in a batch."""
    return len(inputs) if isinstance(inputs, Tensor) else len(inputs[0])


def joined(parts: Sequence[Any]) -> Any:
    """Batches of inputs as one."""
    if isinstance(parts[0], Tensor):
        return torch.cat(list(parts))
    return type(parts[0])(*(torch.cat(column) for column in zip(*parts, strict=True)))
