"""Feed-forward networks lose what their first layer does not see: an attack from its null space (Theorem 10)"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from assay.arithmetic.fixed_point import FixedPoint
from assay.errors import AssayError
from assay.examine.protocols import PROTOCOLS
from assay.examine.protocols.averaging import asking_inputs, column, finite
from assay.examine.protocols.protocol import Outcome, Protocol, Runner, Witness, largest
from assay.examine.subject import Subject, dtype_of
from assay.tasks.sparse_averaging import SparseAveraging, SparseAveragingInputs

_TRIED = 16  # directions with the smallest singular values that are tried on the network

_BLIND = 1e-4  # by how much two answers from one output of the first layer may differ, as rows of a batch are rounded


@dataclass(frozen=True)
class Direction:
    """Values v that a first layer loses, or nearly: +v and -v look the same to what follows.

    Attributes:
        values: float64 (N, d), the longest of norm 1.
        pointers: the set (q,) whose answers on +v and -v differ most, of those that are tried.
        token: the query token that points to it.
    """

    values: Tensor
    pointers: Tensor
    token: int

    @property
    def apart(self) -> float:
        """Distance between the exact answers on +v and -v."""
        return 2 * torch.linalg.vector_norm(self.values[self.pointers].mean(dim=0)).item()


@dataclass(frozen=True)
class Attacked:
    """What one attack came to.

    Attributes:
        values_of_tokens: which values may be changed.
        needed: how many numbers they are.
        rank: of the first layer on them.
        smallest_singular_value, largest_singular_value: of the first layer on them.
        first_layer_differs: by how much, on the two inputs.
        error: of the network there.
        certain_error: what it must be.
        witness: the two inputs.
    """

    values_of_tokens: str
    needed: int
    rank: int
    smallest_singular_value: float
    largest_singular_value: float
    first_layer_differs: float
    error: float
    certain_error: float
    witness: Witness


@PROTOCOLS.register
class NullSpace(Protocol):
    """f(x) = g(W x): two inputs +v and -v with W v = 0 get one answer, whatever g is.

    If the rank of W on the values of tokens q-1 ... N-1 is below (N - q + 1) d, such a v is 0 elsewhere; the token i
    with the longest v_i points to 0 ... q-2 and i. Exact answers are 2/q apart, and one errs by 1/q. (Theorem 10 of
    Sanford, Hsu, Telgarsky, NeurIPS 2023.) If the rank on all values is below N d, q < N, some q-set has a sum longer
    than 1/2, and one errs by 1/(2q): see `assay.bounds.feed_forward_rank`. The rank is taken in float64.

    Where nothing is lost, the directions that W shortens most are tried, and the largest error is reported.
    """

    name: ClassVar[str] = "null-space"
    source: ClassVar[str] = (
        "rank of the first layer on the values >= N d (error <= 1/(2q)), >= (N - q + 1) d (error < 1/q) "
        "(Theorem 10, sharpened)"
    )

    def unmet(self, subject: Subject) -> str:
        """Sparse averaging, and a linear layer that is called on all values as one vector."""
        if not isinstance(subject.task, SparseAveraging):
            return "the task sparse-averaging"
        found = first_layer(subject.network, subject.task)
        return "" if found else "a torch.nn.Linear that is called on all values as one vector, and pointers after them"

    def play(self, subject: Subject, numbers: FixedPoint | None, instances: int, seed: int) -> Outcome:
        task, runner = subject.task_as(SparseAveraging), Runner(subject, numbers)
        layer = first_layer(subject.network, task)
        assert layer is not None
        weight = layer.weight[:, : task.length * task.dimension].detach().double()
        if numbers is not None:
            weight = numbers.round(weight)
        attacks = [_attack(runner, layer, task, weight, some_tokens=True)]
        if task.sparsity < task.length:
            attacks.append(_attack(runner, layer, task, weight, some_tokens=False))
        best, last = max(attacks, key=lambda attack: attack.error), attacks[-1]
        ranks = [{name: value for name, value in vars(attack).items() if name != "witness"} for attack in attacks]
        return Outcome(
            protocol=self.name,
            source=self.source,
            parties={"first layer": f"{layer.out_features} rows, all that the rest of the network sees"},
            resource="first-layer rank on the values",
            needed=last.needed,
            available=last.rank,
            justification=f"singular values of the weights in float64, and both inputs run; {runner.arithmetic}",
            largest_error=best.error,
            witness=best.witness,
            more={"attacks": ranks},
        )


def first_layer(network: nn.Module, task: SparseAveraging) -> nn.Linear | None:
    """The first torch.nn.Linear that is called on vectors of all values, and of what no sign of theirs changes.

    None if there is none. It may be called once for an input, or for each token that asks.

    >>> from assay import SparseAveraging
    >>> from assay.models import make_network
    >>> task = SparseAveraging(length=4, sparsity=2, layout="last", queries=3)
    >>> first_layer(make_network("feed-forward", task, width=3, seed=0), task)
    Linear(in_features=8, out_features=3, bias=True)
    """
    numbers = task.length * task.dimension
    flat = torch.linspace(-0.5, 0.5, numbers + 2, dtype=dtype_of(network))[1:-1] / task.dimension
    values = torch.stack([flat, -flat]).view(2, task.length, task.dimension)
    inputs = asking_inputs(task, values, torch.arange(task.sparsity).repeat(2, 1), task.spec.length - 1)
    found = []

    def note(module: nn.Module, arguments: tuple[object, ...]) -> None:
        if not arguments or not isinstance(arguments[0], Tensor):
            return
        plus, minus = (half.flatten(0, -2) for half in arguments[0].unflatten(0, (2, -1)))
        same = torch.equal(plus[:, numbers:], minus[:, numbers:])
        if same and bool((plus[:, :numbers] == flat).all()) and bool((minus[:, :numbers] == -flat).all()):
            found.append(module)

    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    hooks = [module.register_forward_pre_hook(note) for module in linear if module.in_features >= numbers]
    if hooks:
        with torch.no_grad():
            network(inputs)
    for hook in hooks:
        hook.remove()
    return found[0] if found else None


def lost_directions(weight: Tensor, task: SparseAveraging, *, some_tokens: bool) -> tuple[list[Direction], Tensor]:
    """Directions of values that the weights (rows, N d) shorten most, the most first; and all singular values.

    There are as many singular values as values; those beyond the rows are 0. Cost O(rows N d min(rows, N d)).

    Args:
        weight: float64, the first layer's columns for the values.
        task: what N, d and q are.
        some_tokens: only values of tokens q-1 ... N-1, so that a set with only one of them can be named.
    """
    kept = task.sparsity - 1 if some_tokens else 0
    block = weight[:, kept * task.dimension :]
    singular, right = torch.linalg.svd(block, full_matrices=True)[1:]
    everything = torch.zeros(block.shape[1], dtype=torch.float64)
    everything[: len(singular)] = singular
    directions = []
    for vector in right.flip(0)[:_TRIED]:
        values = torch.zeros(task.length, task.dimension, dtype=torch.float64)
        values[kept:] = vector.view(-1, task.dimension)
        norms = torch.linalg.vector_norm(values, dim=1)
        values /= norms.max()
        longest = int(norms.argmax())
        if some_tokens:
            pointers = torch.cat([torch.arange(kept), torch.tensor([longest])])
            directions.append(Direction(values, pointers, longest if task.layout == "all" else task.length))
        else:
            order = torch.argsort(values @ values[longest], stable=True)
            sets = (order[: task.sparsity], order[-task.sparsity :])
            chosen = [Direction(values, some.sort().values, task.spec.length - 1) for some in sets]
            directions.append(max(chosen, key=lambda direction: direction.apart))
    return directions, everything


def _attack(runner: Runner, layer: nn.Linear, task: SparseAveraging, weight: Tensor, *, some_tokens: bool) -> Attacked:
    """One attack's ranks, and the witness with the largest error."""
    directions, singular = lost_directions(weight, task, some_tokens=some_tokens)
    rounding = singular.max() * max(weight.shape) * torch.finfo(torch.float64).eps
    lost = int((singular <= rounding).sum())
    tried = [
        _run_both(runner, layer, task, direction, lost=lost > 0) for direction in directions[: lost or len(directions)]
    ]
    witness, difference = max(tried, key=lambda found: found[0].error)
    return Attacked(
        values_of_tokens=f"{task.sparsity - 1 if some_tokens else 0} to {task.length - 1}",
        needed=len(singular),
        rank=len(singular) - lost,
        smallest_singular_value=singular.min().item(),
        largest_singular_value=singular.max().item(),
        first_layer_differs=difference,
        error=witness.error,
        certain_error=witness.at_least,
        witness=witness,
    )


def _run_both(
    runner: Runner, layer: nn.Linear, task: SparseAveraging, direction: Direction, *, lost: bool
) -> tuple[Witness, float]:
    """The network on +v and -v, and how far its first layer's outputs are apart; `lost`: whether but for rounding not.

    Raises:
        AssayError: the network sees more of its input than the first layer's outputs.
    """
    values = torch.stack([direction.values, -direction.values]).to(runner.dtype)
    sets = direction.pointers.repeat(2, 1)
    inputs = asking_inputs(task, values, sets, direction.token)
    place, hidden = column(task, direction.token), []
    hook = layer.register_forward_hook(lambda _module, _inputs, outputs: hidden.append(outputs))
    outputs = runner.whole(inputs)[:, place].double()
    hook.remove()
    hook = layer.register_forward_hook(lambda _module, _inputs, hidden: hidden[:1].expand_as(hidden))
    blind = runner.whole(inputs)
    hook.remove()
    if not torch.allclose(blind[0].double(), blind[1].double(), rtol=_BLIND, atol=_BLIND):
        raise AssayError(
            "the network reads values past its first linear layer, so that nothing can be said of its width"
        )
    exact = task.targets(SparseAveragingInputs(inputs.values, inputs.pointers))[:, place]
    difference = largest(torch.sub(*hidden[0].unflatten(0, (2, -1)).unbind()).abs())
    pointers = direction.pointers.tolist()
    witness = Witness(
        first={"values": finite(values[0]), "pointers": pointers},
        second={"values": finite(values[1]), "pointers": pointers},
        same="the first layer's outputs" if difference == 0 else f"the first layer's outputs up to {difference:.3g}",
        token=direction.token,
        targets=exact.tolist(),
        answers=finite(outputs),
        error=largest(torch.linalg.vector_norm(outputs - exact, dim=1)),
        at_least=direction.apart / 2 if lost else 0.0,
    )
    return witness, difference
