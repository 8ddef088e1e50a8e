"""Products of two tensors as torch is asked for them: matmul, bmm, baddbmm and einsum, all as products of matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

PRODUCTS = {"matmul", "bmm", "baddbmm", "einsum"}
Args = tuple[Any, ...]  # of a function of torch, which takes anything
Kwargs = dict[str, Any]


@dataclass(frozen=True)
class Product:
    """A product of two tensors, as matrices (..., n, r) and (..., r, m).

    Attributes:
        factors: as they were given.
        left: the first as matrices.
        right: the second as matrices.
        standard: makes matrices (..., n, m) of the output.
        back: the reverse.
        straight: whether the output is (..., n, m) as it is.
        added: what is added to it, times `beta`, while it is multiplied by `alpha`.
    """

    factors: tuple[Tensor, Tensor]
    left: Tensor
    right: Tensor
    standard: Callable[[Tensor], Tensor]
    back: Callable[[Tensor], Tensor]
    straight: bool = True
    added: Tensor | None = None
    beta: float = 1.0
    alpha: float = 1.0

    @property
    def starts(self) -> bool:
        """Whether it could be one of queries and keys: of two activations, not of an activation and a parameter."""
        fixed = any(isinstance(one, nn.Parameter) or isinstance(one._base, nn.Parameter) for one in self.factors)
        return self.straight and not fixed and all(one.is_floating_point() for one in self.factors)


def product_of(name: str, args: Args, kwargs: Kwargs) -> Product | None:
    """What was called, None for products of vectors, and sums of another form than of matrices."""
    if name == "einsum":
        return _sum_of(args)
    names = {"baddbmm": ("batch1", "batch2"), "bmm": ("input", "mat2")}.get(name, ("input", "other"))
    start = 1 if name == "baddbmm" else 0
    left, right = (args[start + i] if len(args) > start + i else kwargs.get(key) for i, key in enumerate(names))
    if not (isinstance(left, Tensor) and isinstance(right, Tensor) and left.ndim >= 2 and right.ndim >= 2):
        return None
    plain = Product((left, right), left, right, _same, _same)
    if name != "baddbmm":
        return plain
    added = args[0] if args else kwargs["input"]
    return replace(plain, added=added, beta=float(kwargs.get("beta", 1)), alpha=float(kwargs.get("alpha", 1)))


def _sum_of(args: Args) -> Product | None:
    operands = args[1] if len(args) == 2 and isinstance(args[1], (list, tuple)) else args[1:]
    if not isinstance(args[0], str) or "->" not in args[0] or "." in args[0] or len(operands) != 2:
        return None
    inputs, out = args[0].replace(" ", "").split("->")
    first, second = inputs.split(",")
    summed = [letter for letter in first if letter in second and letter not in out]
    rows = [letter for letter in first if letter not in second and letter in out]
    columns = [letter for letter in second if letter not in first and letter in out]
    lead = [letter for letter in out if letter in first and letter in second]
    if (len(summed), len(rows), len(columns)) != (1, 1, 1) or {*first, *second} != {*summed, *rows, *columns, *lead}:
        return None

    def order(start: Sequence[str], end: Sequence[str]) -> Callable[[Tensor], Tensor]:
        return lambda tensor: tensor.permute([start.index(letter) for letter in end])

    standard = [*lead, *rows, *columns]
    return Product(
        (operands[0], operands[1]),
        order(first, [*lead, *rows, *summed])(operands[0]),
        order(second, [*lead, *summed, *columns])(operands[1]),
        order(out, standard),
        order(standard, out),
        straight=list(out) == standard,
    )


def _same(tensor: Tensor) -> Tensor:
    return tensor
