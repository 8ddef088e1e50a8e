"""One DeltaProduct layer with explicit weights that tracks the product of a word, and the proof that it does."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, permutations, product

import numpy as np
from numpy.typing import NDArray

from assay.errors import AssayError, Refuted
from assay.groups.certify import DOUBLE, SINGLE, WeightsCertificate, gamma, tokens_within
from assay.groups.characters import Characters
from assay.groups.group import Group, cycle_points
from assay.groups.matrices import orthogonal_matrices, reflections_of
from assay.groups.representations import FewestSteps
from assay.groups.structure import inverses

Singles = NDArray[np.float32]

_STARTS = 400  # random starts, of which the one with the most distant codes is taken


@dataclass(frozen=True, eq=False)
class Reflections:
    """s <- (I - b_n w_n w_n^T) ... (I - b_1 w_1 w_1^T) s at every token, b and w by its letter, in float32.

    These are factors of a DeltaProduct layer: k = w / |w|, and its b is b |w|^2, 0 or 2. After a word with product g
    the state is near the code of g, and the nearest code is read: the largest of <s, code> - |code|^2 / 2.

    Attributes:
        name: what the weights are.
        letters: the element that each letter stands for.
        vectors: w, float32 (letters, n, d).
        strengths: b, float32 (letters, n).
        codes: float32 (|G|, d); that of the identity is the state before the first token.
    """

    name: str
    letters: tuple[int, ...]
    vectors: Singles
    strengths: Singles
    codes: Singles

    @property
    def steps(self) -> int:
        """n."""
        return self.vectors.shape[1]

    def run(self, words: NDArray[np.int64]) -> NDArray[np.int64]:
        """The element that is read after each token of words of letter numbers, int64 (batch, length)."""
        state = np.repeat(self.codes[:1], len(words), axis=0)
        found = np.empty_like(words)
        biases = (self.codes * self.codes).sum(axis=1) / np.float32(2)
        vectors, strengths = self.vectors.swapaxes(0, 1).copy(), self.strengths.T.copy()  # by step, for fast look-ups
        for place in range(words.shape[1]):
            letter = words[:, place]
            for step in range(self.steps):
                w = vectors[step][letter]
                along = strengths[step][letter] * np.einsum("bi,bi->b", w, state)
                w *= along[:, None]
                state -= w
            scores = state @ self.codes.T
            scores -= biases
            found[:, place] = scores.argmax(axis=1)
        return found


def integer_reflections(group: Group, letters: tuple[int, ...]) -> Reflections:
    """Weights of whole numbers: transpositions of the points that the group acts on, (a b) by w = e_a - e_b and b = 1.

    The steps are the largest number of points less cycles of a letter: S3 2, S4 3, A5 4, S5 4 with all letters.

    >>> from assay.groups import named_group
    >>> integer_reflections(named_group("S5"), tuple(range(120))).steps
    4

    Args:
        group: any.
        letters: elements.
    """
    moves = group.action[inverses(group.table)]  # a letter multiplies from the right, so states turn by inverses
    factored = [_transpositions(moves[letter]) for letter in letters]
    steps = max(map(len, factored))
    vectors = np.zeros((len(letters), steps, moves.shape[1]), dtype=np.float32)
    for number, swaps in enumerate(factored):
        for step, (a, b) in enumerate(swaps):
            vectors[number, step, [a, b]] = 1, -1
    start = _base(group.action)
    codes: Singles = np.zeros((group.order, len(start)), dtype=np.float32)
    np.put_along_axis(codes, moves, np.broadcast_to(start, moves.shape).astype(np.float32), axis=1)
    strengths = np.asarray(vectors.any(axis=2), dtype=np.float32)
    return Reflections("transpositions of points, whole numbers", letters, vectors, strengths, codes)


def _transpositions(images: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Transpositions whose product is the permutation, the first to act first: (a b c) = (a b)(b c)."""
    return [pair for cycle in cycle_points(images) for pair in reversed(list(pairwise(cycle)))]


def _base(action: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers 1, 2, ... on a few points that only the identity leaves where they are, 0 on the others."""
    start = np.zeros(action.shape[1], dtype=np.int64)
    fixing = np.arange(len(action))
    while len(fixing) > 1:
        point = int((action[fixing] != np.arange(action.shape[1])).sum(axis=0).argmax())
        start[point] = start.max() + 1
        fixing = fixing[action[fixing, point] == point]
    return start


def cube_reflections(group: Group, letters: tuple[int, ...]) -> Reflections:
    """S4 as the rotations of a cube, which permute its four diagonals: two reflections a letter, in whole numbers.

    Mirrors are those along e_i (b = 2) and e_i + e_j or e_i - e_j (b = 1).

    Args:
        group: the group named S4.
        letters: elements.

    Raises:
        AssayError: another group.
    """
    if group.name != "S4":
        raise AssayError(f"rotations of a cube are for the group named S4, not {group.name}")
    diagonals = np.array([[1, 1, 1], [-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    turns = np.zeros((24, 3, 3), dtype=np.int64)
    numbers = {tuple(images): number for number, images in enumerate(group.action.tolist())}
    for images, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        matrix = np.zeros((3, 3), dtype=np.int64)
        matrix[images, range(3)] = signs
        if round(np.linalg.det(matrix)) == 1:
            moved = diagonals @ matrix.T
            turns[numbers[tuple(np.abs(moved @ diagonals.T).argmax(axis=1).tolist())]] = matrix
    axes = [(axis, 2) for axis in np.eye(3, dtype=np.int64)]
    planes = [(axis + sign * other, 1) for i, (axis, _) in enumerate(axes) for other, _ in axes[:i] for sign in (1, -1)]
    mirrors = [*axes, *planes]
    pairs = {(np.eye(3, dtype=np.int64)).tobytes(): ((axes[0][0], 0), (axes[0][0], 0))}
    for (v, b), (w, c) in product(mirrors, repeat=2):
        both = (np.eye(3, dtype=np.int64) - c * np.outer(w, w)) @ (np.eye(3, dtype=np.int64) - b * np.outer(v, v))
        pairs.setdefault(both.tobytes(), ((v, b), (w, c)))
    back = turns[inverses(group.table)]
    found = [pairs[back[letter].tobytes()] for letter in letters]
    vectors = np.array([[w for w, _ in pair] for pair in found], dtype=np.float32)
    strengths = np.array([[b for _, b in pair] for pair in found], dtype=np.float32)
    codes = (back @ np.array([1, 2, 3])).astype(np.float32)
    return Reflections("rotations of a cube, whole numbers", letters, vectors, strengths, codes)


def orthogonal_reflections(
    group: Group, characters: Characters, fewest: FewestSteps, letters: tuple[int, ...]
) -> Reflections:
    """Weights with the fewest steps, from the matrices of the representation that reaches them, rounded to float32.

    Args:
        group: any of 2 to 720 elements.
        characters: its characters.
        fewest: the steps, and the representation.
        letters: elements for which they are.
    """
    rho = orthogonal_matrices(group, characters, fewest.parts)[inverses(group.table)]
    vectors, used = reflections_of(rho[list(letters)], fewest.steps)
    starts = np.random.default_rng(0).normal(size=(_STARTS, fewest.dimension))
    starts /= np.linalg.norm(starts, axis=1, keepdims=True)
    moved = np.einsum("gij,sj->gsi", rho[1:], starts) - starts
    best = starts[(moved * moved).sum(axis=2).min(axis=0).argmax()]
    name = f"reflections in {fewest.dimension} dimension{'s' * (fewest.dimension != 1)}"
    strengths = np.asarray(2 * used, dtype=np.float32)
    return Reflections(name, letters, vectors.astype(np.float32), strengths, (rho @ best).astype(np.float32))


def certify_reflections(weights: Reflections, group: Group) -> WeightsCertificate:
    """Proof that the weights read every product right, up to a stated number of tokens.

    With A_x the exact product of the stored factors of a letter, it is enumerated how far A_x c_g is from c_gx, for all
    elements g and letters x. Whole numbers: no distance, so that by induction the state is the code of the product, for
    words of any length, in every arithmetic that holds these whole numbers exactly. Otherwise, for the distance e_t of
    the state from the code after t tokens: e_t <= L e_(t-1) + a, with L - 1 of the order of the rounding of a step, and
    a the largest defect c_gx - A_x c_g plus the rounding on a code, see `_drift`.

    Raises:
        Refuted: a code does not go to the right one, or two codes are the same.
    """
    distance = _least_distance(weights.codes)
    if not distance > 0:
        raise Refuted(f"{weights.name}: two elements have the same code")
    targets = group.table[:, list(weights.letters)]
    exact = all((array == np.round(array)).all() for array in (weights.vectors, weights.strengths, weights.codes))
    defect = np.column_stack([_defects(weights, number, targets[:, number]) for number in range(len(weights.letters))])
    counted = f"{group.order} elements times {len(weights.letters)} letters enumerated"
    shape = {"layers": 1, "steps": weights.steps, "state": weights.codes.shape[1], "letters": len(weights.letters)}
    if not defect.max() <= (0 if exact else distance / 2):  # so that what is no number is refuted, too
        g, x = np.unravel_index(defect.argmax(), defect.shape)
        letter = group.labels[weights.letters[x]]
        raise Refuted(f"{weights.name}: the code of {group.labels[g]} does not go to that of its product with {letter}")
    if exact:
        largest = _largest_number(weights)
        if largest > 2**23:  # half of a squared length is subtracted from a score
            raise Refuted(f"{weights.name}: whole numbers up to {largest} are not exact in float32")
        arithmetic = "float32, float64 and bfloat16" if largest <= 2**7 else "float32 and float64"
        rests = f"{counted} in whole numbers up to {largest}, and induction"
        return WeightsCertificate(
            weights.name,
            **shape,
            arithmetic=arithmetic,
            token_error=0.0,
            margin=distance / 2,
            horizon=None,
            justification=rests,
        )
    growth, added = _drift(weights, float(defect.max()))
    length = float(np.linalg.norm(weights.codes.astype(np.float64), axis=1).max())
    reading = 4 * gamma(weights.codes.shape[1] + 3, SINGLE) * length * (length + distance) / distance
    margin = distance / 2 - reading
    rests = f"{counted}, with all roundings bounded: e_t <= {growth:.9f} e_(t-1) + {added:.3g}"
    return WeightsCertificate(
        weights.name,
        **shape,
        arithmetic="float32",
        token_error=added,
        margin=margin,
        horizon=tokens_within(growth, added, margin),
        justification=rests,
    )


def _defects(weights: Reflections, letter: int, targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """|A_x c_g - c_gx| for all g, float64 (|G|,), from the stored numbers; 0 is exact where these are whole."""
    codes = weights.codes.astype(np.float64)
    moved = codes.copy()
    for w, b in zip(weights.vectors[letter].astype(np.float64), weights.strengths[letter].tolist(), strict=True):
        if b:
            moved -= np.multiply.outer(b * (moved @ w), w)
    return np.linalg.norm(moved - codes[targets], axis=1)


def _least_distance(codes: Singles) -> float:
    """Between two codes, float64; infinite where there is only one."""
    if len(codes) == 1:
        return 2.0
    wide, least = codes.astype(np.float64), np.inf
    for number, code in enumerate(wide[:-1]):
        least = min(least, float(((wide[number + 1 :] - code) ** 2).sum(axis=1).min()))
    return least**0.5


def _largest_number(weights: Reflections) -> int:
    """A bound on all whole numbers that occur: entries of codes, products with w, and sums of them, and scores."""
    start = np.abs(weights.codes).max()
    sizes = np.abs(weights.vectors)
    ranges = np.broadcast_to(start, weights.strengths[:, 0].shape).copy()
    largest = float((weights.codes**2).sum(axis=1).max()) * 1.5
    for step in range(weights.steps):
        along = sizes[:, step].sum(axis=1) * ranges * np.maximum(1, weights.strengths[:, step])
        change = along * sizes[:, step].max(axis=1)
        largest = max(largest, float((change + ranges).max()))
        ranges = np.full_like(ranges, start)
    return int(largest)


def _drift(weights: Reflections, defect: float) -> tuple[float, float]:
    """L and a with e_t <= L e_(t-1) + a.

    One factor H = I - b w w^T has norm h = max(1, |1 - b |w|^2|). In float32 with unit roundoff u its result differs
    from H s by at most k |s|, k = b |w|^2 g (1 + u) + u h, g = gamma(d + 2): d - 1 additions and d products of <w, s>,
    in any order, two more products, one subtraction. So n factors err by at most ((h + k)^n - h^n) |s|, and with |s| at
    most the length of a code and e_(t-1): L = (h + k)^n, and a = defect + ((h + k)^n - h^n) |code|. Defect, L and a are
    computed in float64; the same inequality bounds what that may hide. Numbers below the smallest normal one add 1e-37
    at most.
    """
    d = weights.codes.shape[1]
    squares = (weights.vectors.astype(np.float64) ** 2).sum(axis=2) * weights.strengths * (1 + gamma(d + 2, DOUBLE))
    largest = float(squares.max())
    norm = max(1.0, largest - 1)
    length = float(np.linalg.norm(weights.codes.astype(np.float64), axis=1).max()) * (1 + gamma(d + 2, DOUBLE))

    def rounded(unit: float) -> float:
        step = largest * gamma(d + 2, unit) * (1 + unit) + unit * norm
        return (norm + step) ** weights.steps

    growth = rounded(SINGLE)
    hidden = (rounded(DOUBLE) - norm**weights.steps + gamma(2 * d + 32, DOUBLE)) * 2 * length
    return growth, (defect + hidden + (growth - norm**weights.steps) * length) * (1 + 1e-12) + 1e-37
