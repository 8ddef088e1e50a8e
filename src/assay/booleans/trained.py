"""Networks of the bare form (`assay.booleans.bare`) trained on all words of a small Boolean function.

The loss is the sum over all 2^n words of max(0, 1 - y out)^2, y = +-1: it is 0 where every output has the right sign
and size 1, and it does not ask for equal outputs, which few heads cannot give. Steps are those of Levenberg and
Marquardt: least squares of the loss's terms, linearised, with a damping that falls by 3 after a step that helped and
rises by 4 after one that did not, which is undone. That is what it takes: first-order descent (Adam, 15,000 steps)
took some ten times the time for parity of 6 bits with 7 heads, since good solutions have margins of 10^-3 and less.

All starts of a function are trained side by side, as one batch for each number of heads; all numbers are float64. After
50, 100, 200 and 400 steps the half of a seed's starts with the larger loss is given up: what is left has the more
steps. With that, and 64 starts, most functions of up to 6 bits are learned with as few heads as are possible at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from assay.booleans.bare import BareHeads, all_words
from assay.booleans.float_heads import Exactness, answers_are_exact
from assay.booleans.function import BooleanFunction
from assay.errors import require_integer
from assay.tasks import counter

MOST_INPUTS = 8  # of a function: 256 words
MOST_HEADS = 32
MOST_STEPS = 100_000

_LEAST_DAMPING, _MOST_DAMPING = 1e-12, 1e12
_VALUES = 0.1  # standard deviation of the values at the start
_HALVED_AT = (50, 100, 200, 400)  # steps
_BETWEEN = 25  # steps, after which solved starts are taken out and progress is told


@dataclass(frozen=True)
class Trained:
    """The best network of one number of heads and one seed.

    Attributes:
        heads: H.
        seed: of the starts.
        wrong: words, of all 2^n, whose answer is wrong: the fewest at any step of any start.
        steps: until a start was right on all words, or all.
        network: with these answers, in float64.
        exactness: whether its answers are those of exact arithmetic, on all words.
    """

    heads: int
    seed: int
    wrong: int
    steps: int
    network: BareHeads
    exactness: Exactness

    @property
    def learned(self) -> bool:
        """Whether all words are answered right, and in exact arithmetic too."""
        return self.wrong == 0 and self.exactness.held


@dataclass(frozen=True)
class _Starts:
    """Networks side by side, one a row.

    Attributes:
        owner: (rows,), which seed's.
        scores: (rows, heads, 2 n + 1): of zeros, of ones, of the query token.
        values: likewise.
        constant: (rows, 1).
        damping: (rows,).
    """

    owner: Tensor
    scores: Tensor
    values: Tensor
    constant: Tensor
    damping: Tensor

    def of(self, rows: Tensor) -> _Starts:
        """Some of them."""
        return _Starts(*(part[rows] for part in vars(self).values()))

    def mixed(self, other: _Starts, taken: Tensor) -> _Starts:
        """The other's rows where `taken`."""

        def parts(ours: Tensor, others: Tensor) -> Tensor:
            return torch.where(taken.reshape(-1, *[1] * (ours.ndim - 1)), others, ours)

        return replace(
            self,
            scores=parts(self.scores, other.scores),
            values=parts(self.values, other.values),
            constant=parts(self.constant, other.constant),
        )


def train(
    function: BooleanFunction,
    heads: Sequence[int],
    seeds: Sequence[int],
    *,
    restarts: int = 64,
    steps: int = 800,
    tell: Callable[[str], object] = lambda _: None,
) -> list[Trained]:
    """Train every number of heads from `restarts` starts for each seed; the best of each, heads first, then seeds.

    A seed ends when one of its starts is right on all words. Scores start standard normal, values a tenth of that.
    After 50, 100, 200 and 400 steps half of the starts that are left is given up.

    Args:
        function: of at most 8 bits.
        heads: numbers of heads, 1 to 32 each.
        seeds: of the starts.
        restarts: starts for each number of heads and seed.
        steps: of the starts that are not given up, at most.
        tell: takes lines about progress.

    >>> majority = BooleanFunction.symmetric("majority", 3, lambda ones: ones > 1)
    >>> [one.learned for one in train(majority, [1], [0], restarts=4)]
    [True]

    Raises:
        AssayError: an argument that is not allowed.
    """
    require_integer("inputs", function.inputs, 1, MOST_INPUTS)
    require_integer("restarts", restarts, 1, 1024)
    require_integer("steps", steps, 1, MOST_STEPS)
    found = []
    for count in heads:
        require_integer("heads", count, 1, MOST_HEADS)
        found += _train_heads(function, count, list(seeds), restarts, steps, tell)
    return found


def _train_heads(
    function: BooleanFunction,
    heads: int,
    seeds: list[int],
    restarts: int,
    steps: int,
    tell: Callable[[str], object],
) -> list[Trained]:
    words = all_words(function.inputs)
    wanted = torch.from_numpy(function.table)
    task = _Task(_indicators(words), wanted.double() * 2 - 1)
    starts = _drawn(function.inputs, heads, seeds, restarts)
    best = [len(words) + 1] * len(seeds)
    kept: list[_Starts] = [starts.of(torch.tensor([place * restarts])) for place in range(len(seeds))]
    ended = [steps] * len(seeds)
    state = task.at(starts)
    for step in range(steps + 1):
        wrong = (state.outputs * task.signs <= 0).sum(dim=1)
        for place in range(len(seeds)):
            rows = (starts.owner == place).nonzero().flatten()
            if len(rows) and int(wrong[rows].min()) < best[place]:
                row = rows[wrong[rows].argmin()]
                best[place], kept[place] = int(wrong[row]), starts.of(row[None])
                ended[place] = step if best[place] == 0 else steps
        left = torch.tensor([best[owner] > 0 for owner in starts.owner.tolist()])
        if step in _HALVED_AT:
            left &= _better_half(starts.owner, state.loss)
        if step == steps or not left.any():
            break
        if not left.all():
            starts, state = starts.of(left), state.of(left)
        starts, state = _stepped(task, starts, state)
        if step % _BETWEEN == _BETWEEN - 1:
            tell(f"{function.name}, n = {function.inputs}, {heads} heads: step {step + 1} of {steps}, wrong {best}")
    return [
        _judged(_network(function.inputs, rows), seed, words, wanted, end)
        for rows, seed, end in zip(kept, seeds, ended, strict=True)
    ]


def _better_half(owner: Tensor, loss: Tensor) -> Tensor:
    """Whether a start is in the half of its seed's with the smaller loss, bool (rows,); a single one is."""
    kept = torch.zeros(len(owner), dtype=torch.bool)
    for place in owner.unique().tolist():
        rows = (owner == place).nonzero().flatten()
        kept[rows[loss[rows].argsort(stable=True)[: (len(rows) + 1) // 2]]] = True
    return kept


@dataclass(frozen=True)
class _State:
    """What a step needs of networks: (rows, ...)."""

    weights: Tensor
    below: Tensor
    read: Tensor
    outputs: Tensor
    loss: Tensor

    def of(self, rows: Tensor) -> _State:
        """Some of them."""
        return _State(*(part[rows] for part in vars(self).values()))


@dataclass(frozen=True)
class _Task:
    """All words, as indicators of their tokens (2 n + 1, 2^n), and +-1 for their answers."""

    indicators: Tensor
    signs: Tensor

    def at(self, starts: _Starts) -> _State:
        """Outputs and loss."""
        weights = torch.exp(starts.scores - starts.scores.amax(dim=2, keepdim=True))
        below = weights @ self.indicators  # D: (rows, heads, words)
        read = ((weights * starts.values) @ self.indicators) / below
        outputs = starts.constant + read.sum(dim=1)
        return _State(weights, below, read, outputs, self.short(outputs).square().sum(dim=1))

    def short(self, outputs: Tensor) -> Tensor:
        """By how much outputs miss size 1 with the right sign."""
        return torch.relu(1 - outputs * self.signs)

    def slopes(self, starts: _Starts, state: _State) -> Tensor:
        """Of what is short, by every parameter: (rows, parameters, words)."""
        shares = state.weights[..., None] * self.indicators / state.below[:, :, None]
        by_scores = (starts.values[..., None] - state.read[:, :, None]) * shares
        rows, words = len(shares), shares.shape[-1]
        by_all = [by_scores.reshape(rows, -1, words), shares.reshape(rows, -1, words), shares.new_ones(rows, 1, words)]
        active = (self.short(state.outputs) > 0) * -self.signs
        return torch.cat(by_all, dim=1) * active[:, None]


def _stepped(task: _Task, starts: _Starts, state: _State) -> tuple[_Starts, _State]:
    """One step of Levenberg and Marquardt of each row; where the loss does not fall, only the damping changes."""
    slopes, short = task.slopes(starts, state), task.short(state.outputs)
    move = -_least_squares(slopes, short, starts.damping)
    size = starts.scores[0].numel()
    there = replace(
        starts,
        scores=starts.scores + move[:, :size].reshape(starts.scores.shape),
        values=starts.values + move[:, size : 2 * size].reshape(starts.values.shape),
        constant=starts.constant + move[:, 2 * size :],
    )
    state_there = task.at(there)
    better = state_there.loss < state.loss
    damping = torch.where(better, starts.damping / 3, starts.damping * 4).clamp(_LEAST_DAMPING, _MOST_DAMPING)
    merged = starts.mixed(there, better)
    return replace(merged, damping=damping), task.at(merged)


def _least_squares(slopes: Tensor, short: Tensor, damping: Tensor) -> Tensor:
    """The x that makes |slopes^T x - short|^2 + damping |x|^2 least: (rows, parameters)."""
    parameters, words = slopes.shape[1:]
    if parameters <= words:
        products = slopes @ slopes.mT
        products.diagonal(dim1=1, dim2=2).add_(damping[:, None])
        return _solved(products, slopes @ short[..., None])[..., 0]
    products = slopes.mT @ slopes
    products.diagonal(dim1=1, dim2=2).add_(damping[:, None])
    return (slopes @ _solved(products, short[..., None]))[..., 0]


def _solved(matrices: Tensor, sides: Tensor) -> Tensor:
    """Solutions of positive definite systems; where rounding leaves one that is not, a zero step."""
    factors, failed = torch.linalg.cholesky_ex(matrices)
    solved = torch.cholesky_solve(sides, factors)
    return torch.where((failed == 0)[:, None, None] & solved.isfinite(), solved, 0.0)


def _drawn(inputs: int, heads: int, seeds: list[int], restarts: int) -> _Starts:
    """The starts; that of a seed and a restart does not depend on the others."""
    size = 2 * heads * (2 * inputs + 1)
    drawn = np.concatenate(
        [counter.normals(counter.words(counter.example_keys(seed, "train", 0, restarts), 0, size)) for seed in seeds]
    )
    numbers = torch.from_numpy(drawn).reshape(len(drawn), 2, heads, 2 * inputs + 1)
    numbers[:, 1] *= _VALUES
    rows = len(drawn)
    return _Starts(
        torch.arange(len(seeds)).repeat_interleave(restarts),
        numbers[:, 0].clone(),
        numbers[:, 1].clone(),
        numbers.new_zeros(rows, 1),
        numbers.new_ones(rows),
    )


def _indicators(words: Tensor) -> Tensor:
    asker = torch.ones(len(words), 1, dtype=torch.int64)
    return torch.cat([1 - words, words, asker], dim=1).T.double().contiguous()


def _network(inputs: int, row: _Starts) -> BareHeads:
    """The network of a single row."""

    def table(numbers: Tensor) -> Tensor:
        bits = torch.stack([numbers[:, :inputs], numbers[:, inputs:-1]], dim=2)
        return torch.cat([bits, numbers[:, -1, None, None].expand(-1, 1, 2)], dim=1)

    readout = torch.ones(row.scores.shape[1], 1, dtype=torch.float64)
    return BareHeads(table(row.scores[0]), table(row.values[0])[..., None], readout, row.constant[0, 0])


def _judged(network: BareHeads, seed: int, words: Tensor, wanted: Tensor, steps: int) -> Trained:
    wrong = int((network.answers(words) != wanted).sum())
    return Trained(network.heads, seed, wrong, steps, network, answers_are_exact(network, words))
