"""Shared by proofs about matching: a softmax with a sink, whose mass on the rest tells whether a high score occurs.

Scores of matches lie at least `gap` above the sink's, and the sink's at least `gap` above those of misses. With n
entries beside the sink, the mass that is on the wrong side is at most n exp(-gap) / (1 + n exp(-gap)).
"""

from __future__ import annotations

from typing import Protocol, TypeVar, runtime_checkable

import torch
from flint import arb
from torch import Tensor

from assay.arithmetic.rounding import (
    circle_error,
    exact,
    gamma,
    read_number,
    underflow,
    unit_roundoff,
    weight_roundings,
)
from assay.arithmetic.torch_settings import dtype_name
from assay.constructions import CONSTRUCTIONS
from assay.constructions.presence import Arithmetic
from assay.models.structured import TAIL
from assay.proofs.proof import Step, Stored, require_fact
from assay.tasks.match2 import Match2

_CERTAIN = 1 << 63  # whole numbers below it are exact in int64
_LARGEST_SUM = 1 << 60  # M up to which sums of residues, and the places next to them, are exact in int64

COSINE_WEIGHTS = Step(
    "Q is a multiple of the identity, K has the signs 1, -1, 1 on cosines, sines and the constant, V picks the "
    "constant, so that two residues score c (1 + mean over f of cos(2 pi f (x_i + x_j) / M))",
    "compared entry by entry, exactly; cos(a + b) = cos a cos b - sin a sin b",
)


@runtime_checkable
class HasArithmetic(Protocol):
    """A network that says what it computes with."""

    arithmetic: Arithmetic


Told = TypeVar("Told")


def restored(stored: Stored, task: str, tells: type[Told]) -> Told:
    """The network that loading makes of the settings: it tells which temperature and dtype its forward pass uses.

    Neither is trusted to be any good.

    Raises:
        AssayError: the stored task is another one.
    """
    require_fact(stored.task.name == task, f"{stored.method} computes {task}, not {stored.task.name}")
    network = CONSTRUCTIONS[stored.method](stored.task, **stored.settings)
    assert isinstance(network, tells)
    return network


def require_circle(name: str, points: Tensor, step: arb, first: arb, radius: arb) -> arb:
    """Check that points (n, 2) are `radius` (cos, sin) of angles first + k step; how far they are off, at radius 1.

    They may be off by what rounding does in float64: angles below 2 pi take four roundings, the cosine and the product
    with the radius at most five.

    Raises:
        AssayError: an entry is farther off; the message names it.
    """
    require_fact(points.dtype == torch.float64 and points.shape[1:] == (2,), f"{name} are points in float64")
    farthest = arb(0)
    for place, (x, y) in enumerate(points.tolist()):
        angle = first + place * step
        allowed = angle * gamma(4, torch.float64) + gamma(5, torch.float64)
        squares = arb(0)
        for axis, found, wanted in ((0, x, angle.cos()), (1, y, angle.sin())):
            off = abs(read_number(found) / radius - wanted)
            require_fact(
                off <= allowed, f"{name}[{place}, {axis}] = {found!r} is a coordinate of the point that it must be"
            )
            squares += off**2
        farthest = farthest.max(squares.sqrt())
    return farthest


def nearest_miss(modulus: int) -> arb:
    """The largest cos(2 pi s / M) over all s that are not 0 modulo M: that of s = 1."""
    return 1 - 2 * (arb.pi() / modulus).sin() ** 2


def wrong_mass(entries: int, gap: arb) -> arb:
    """n exp(-gap) / (1 + n exp(-gap)), by scores without error.

    Raises:
        AssayError: the gap is not certain to be above 0.
    """
    require_fact(gap > 0, f"scores keep a gap between match, sink and miss: it is {float(gap):.3g}")
    off = entries * (-gap).exp()
    return off / (1 + off)


def moved_mass(entries: int, gap: arb, spread: arb, dtype: torch.dtype, differences: int = 1) -> arb:
    """Largest change of the mass as scores less their largest are rounded, which changes exp(-d) by at most exp(u d).

    All scores lie within `spread` of the largest or at least `gap` below it. Weights p that change by factors r change
    a mass by at most s / (1 - s) with s = sum of p |r - 1|. exp(-d) (exp(u d) - 1) is largest at d = gap if gap > 2,
    and at most u / (e (1 - u)) for any d. `differences` is how many of them are rounded, each at most d.
    """
    u = differences * exact(unit_roundoff(dtype))
    off = (-gap).exp() * ((u * gap).exp() - 1) if gap > 2 else u / (arb(1).exp() * (1 - u))
    moved = (u * spread).exp() - 1 + entries * off
    require_fact(moved < 1, f"rounding {entries} scores changes their weights by less than all")
    return moved / (1 - moved)


def presence_bound(
    entries: int, gap: arb, spread: arb, roundings: int, dtype: torch.dtype, differences: int = 1
) -> arb:
    """Largest error of the computed mass: on the wrong side, moved, and `roundings` of each weight and their sum."""
    common = gamma(roundings, dtype)
    moved = moved_mass(entries, gap, spread, dtype, differences)
    return wrong_mass(entries, gap) + moved * (1 + common) + common + underflow(4 * (entries + 1), dtype)


def presence_step(entries: int, gap: arb, dtype: torch.dtype) -> Step:
    """What `presence_bound` or its parts were used for."""
    return Step(
        f"every answer is within the guaranteed error, as a match scores at least {float(gap.lower()):.6g} above the "
        f"sink, and the sink as much above a miss, as computed in {dtype_name(dtype)}",
        f"n exp(-gap) / (1 + n exp(-gap)) with n = {entries}, and a-priori bounds on the rounding of the softmax and "
        "of what follows, in balls of 160 bits",
    )


def integer_bound(entries: int, temperature: float, modulus: int, dtype: torch.dtype) -> tuple[arb, list[Step]]:
    """Error of a mass by scores -2 s^2, |s| < M, and a sink at -1.

    Either scores are formed, in int64 until their largest is subtracted, or weights exp(-2 c s^2) are added up in
    float64 for the s next to 0 alone, which rounds less and leaves out at most TAIL of the sink's weight.

    Raises:
        AssayError: scores, or sums of residues where scores are not formed, may overflow.
    """
    formed = 2 * modulus**2 < _CERTAIN
    require_fact(modulus <= _LARGEST_SUM, f"sums of residues, up to {modulus}, are exact in int64")
    # The cast of a difference to the dtype, that of the temperature, and their product.
    gap = read_number(temperature) * (1 - gamma(3, dtype))
    error = presence_bound(entries, gap, arb(0), weight_roundings(entries + 1) + entries, dtype) + exact(TAIL)
    whole = f"2 s^2 for whole s with |s| < {modulus}"
    how = (
        f"-{whole}, exact in int64 as 2 M^2 < 2^63; the differences from the largest are cast to {dtype_name(dtype)} "
        "and multiplied, three roundings"
        if formed
        else f"{whole}, s exact in int64 as M <= 2^60"
    )
    scores = Step(
        f"a match scores 0, a sink -1 and a miss at most -2, times the temperature {temperature!r}",
        f"{how}; for long sequences or large M weights of s next to 0 alone are added up in float64, all others "
        "together are at most 2^-60 of the sink's",
    )
    return error, [scores, presence_step(entries, gap, dtype)]


def cosine_bound(stored: Stored[Match2], worst: arb) -> tuple[arb, Step]:
    """Error of the unit with score c (1 + mean cosine), a miss having a mean cosine of at most `worst`.

    The sink has the key and the value 2 - gap where residues have 1, so the output is 1 + (1 - gap) mass(sink). Its
    weights are checked but for the frequencies.

    Raises:
        AssayError: weights, dtype or gap are not what the bound needs.
    """
    task, gap = stored.task, read_number(stored.number("gap"))
    require_fact(gap > 0 and gap < 1, f"the gap {stored.number('gap')!r} lies between 0 and 1")
    dtype, entries = restored(stored, "match2", HasArithmetic).arithmetic.dtype, task.length
    frequencies = stored.tensors["frequencies"]
    count = len(frequencies)
    require_fact(task.modulus**2 < _CERTAIN, f"products of residues below {task.modulus} are exact in int64")
    pick, one = torch.eye(2 * count + 1, dtype=dtype), torch.ones(count, dtype=dtype)
    cold = stored.tensors["query"].flatten()[0].to(dtype)
    signs = torch.cat([one, -one, one[:1]])
    stored.require_tensors(
        {
            "frequencies": frequencies.long().clamp(0, task.modulus),
            "query": (cold * pick).unsqueeze(0),
            "key": (signs * pick).unsqueeze(0),
            "value": pick[None, :, -1:].clone(),
        }
    )
    u = exact(unit_roundoff(dtype))
    sink = exact(torch.tensor(2 - stored.number("gap"), dtype=torch.float64).to(dtype).item())
    # Divided by sqrt(D), itself rounded; then the dot product of 2D + 1 terms, the query rounded once before.
    vector = circle_error(dtype) + 4 * exact(unit_roundoff(torch.float64))
    score = 2 * vector + vector**2 + gamma(2 * count + 2, dtype) * (1 + (1 + vector) ** 2)
    c = read_number(cold.item())
    above = c * (2 - sink - score - u * sink)
    below = c * (sink - 1 - worst - score - u * sink)
    kept = above.min(below)
    wrong, moved = wrong_mass(entries, kept), moved_mass(entries, kept, 2 * c * score, dtype)
    common = gamma(weight_roundings(entries + 1) + entries + 1, dtype)
    scale = (sink - 1) / (1 - gap)
    output = (common * sink + moved * (sink - 1) * (1 + common) + underflow(4 * (entries + 1), dtype)) / (1 - gap)
    reading = gamma(6, dtype)  # 1 - (output - 1) / (1 - gap), the divisor rounded twice and perhaps inverted
    error = scale * wrong + abs(1 - scale) + output * (1 + reading) + reading * scale + 2 * u
    return error, presence_step(entries, kept, dtype)
