"""How many positions can a head average, of how many keys, at which width? Whichever is not given is answered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from assay.errors import AssayError, require, require_integer
from assay.sizing.answer import Sized
from assay.sizing.bisection import last
from assay.sizing.caches import CACHES, MOST_BITS, Cache, make_cache, require_blocks
from assay.sizing.generic import (
    ALLOWED_ERROR,
    LONGEST,
    WIDEST,
    hardest_size,
    most_sets_exist,
    needs_nothing,
    rounded_average,
    serves_most,
    solve,
    used_width,
)
from assay.sizing.head import SMOLLM2, Head, Layout, in_use_text
from assay.sizing.head_limits import (
    excluded,
    fitting_keys,
    largest_average,
    largest_keys,
    serves,
    smallest_bits,
    smallest_norm,
    smallest_width,
)
from assay.sizing.head_statements import head_statements, head_warnings

Norms = tuple[float, ...]


def size_head(
    head_width: int | None = None,
    keys: int | None = None,
    average: int | None = None,
    *,
    bits: int = MOST_BITS,
    cache: str | None = None,
    norms: Norms = (),
    layout: Layout | None = None,
) -> Sized:
    """Whether a head can average sets of q of N positions; or, where one of the three is left out, its best value.

    "Averages most sets" is meant so: for at least half of all sets of q there is a float32 query, found for the keys
    before they are rounded, with equal scores on the set and 90 % of the softmax there; with the rounded keys averages
    of values in [-1, 1] err by at most 0.4, twice as much as without rounding. Generic keys stand for those that
    training gives; explicit keys serve every set. For q up to N / 2 the hardest size up to q decides
    (`sizing.generic.hardest_size`).

    Args:
        head_width: d.
        keys: N, at most 2^20.
        average: q.
        bits: of each number of a key, integers with a float32 factor for each key; 32 for float32.
        cache: `q8_0`, `q4_0` or `fp16` in place of bits.
        norms: largest norms n of queries, each answered: the standard deviation of their scores over the keys, which is
            |w| |k| / d for keys of root mean square length |k| and scores <w, k> / sqrt(d). Any norm unless given.
        layout: heads that share keys, and rotary positions.

    Time: below a second, most of it for the simulation.

    >>> size_head(64, 4096, 2, bits=8, norms=(2.6,)).answer
    'Yes: with queries of norm 2.6 a head of width 64 averages most sets of 2 among 4096 keys at 8 bits.'
    >>> size_head(64, 4096, bits=8, norms=(1, 2.6, 4)).answer
    'A head of width 64 averages most sets of up to 0, 2 and 4 of 4096 keys at 8 bits, at norms 1, 2.6 and 4.'

    Raises:
        AssayError: fewer than two of the three sizes, or a value that is not allowed.
    """
    layout = layout or Layout()
    asked = {"head_width": head_width, "keys": keys, "average": average}
    stored = make_cache(bits=bits, name=cache)
    _check(asked, norms, layout, stored)
    tried = norms or (math.inf,)
    fits, change = None, ""
    if head_width is None:
        head, answer = _sized_width(Head(1, keys or 1, average or 1, stored), tried)
    elif keys is None:
        head, answer = _sized_keys(Head(head_width, 1, average or 1, stored), tried)
    elif average is None:
        head, answer = _sized_average(Head(head_width, keys, 1, stored), tried)
    else:
        heads = [Head(head_width, keys, average, stored, norm) for norm in tried]
        head, answer, fits = _forward(heads)
        change = "" if fits else smallest_change(head)
    statements = head_statements(head, tried, layout, simulated=fits is not None)
    warnings = head_warnings(head, layout)
    question = _question(asked, bits, cache, norms, layout)
    return Sized(question, answer, fits, statements, change, warnings)


def smallest_change(head: Head) -> str:
    """The smallest change of one quantity with which a head that does not serve would, by factors, then the others.

    Empty where none is known.

    >>> smallest_change(Head(64, 4096, 8, make_cache(bits=4))).split(";")[0]
    'bits 7 instead of 4 (1.8 times)'
    """
    d, n, q = head.width, head.keys, head.average
    found: list[tuple[float, str]] = []

    def add(name: str, there: float, wanted: float | None) -> None:
        if wanted and wanted != there:
            found.append((max(wanted / there, there / wanted), f"{name} {wanted:g} instead of {there:g}"))

    add("head width", d, smallest_width(n, q, head.cache, head.norm))
    add("average", q, largest_average(d, n, head.cache, head.norm))
    most = largest_keys(d, q, head.cache, head.norm)
    add("keys", n, most if most >= 2 * q else None)  # fewer need not be told apart
    if head.cache.name in CACHES:
        better = next(
            (one for one in CACHES.values() if one.bits > head.cache.bits and serves(d, n, q, one, head.norm)), None
        )
        if better is not None:
            found.append((better.bits / head.cache.bits, f"cache {better.name} instead of {head.cache.name}"))
    else:
        add("bits", head.cache.bits, smallest_bits(d, n, q, head.norm))
    if math.isfinite(head.norm):
        needed = smallest_norm(d, n, q, head.cache)
        add("norm", head.norm, None if needed is None else math.ceil(100 * needed) / 100)
    if not found:
        return ""
    found.sort()
    first = f"{found[0][1]} ({found[0][0]:.2g} times)"
    return "; or ".join([first, ", or ".join(text for _, text in found[1:])] if found[1:] else [first])


def _check(asked: dict[str, int | None], norms: Norms, layout: Layout, cache: Cache) -> None:
    if sum(value is not None for value in asked.values()) < 2:
        raise AssayError("a head is sized by at least two of head_width, keys and average")
    for name, high in (("head_width", WIDEST), ("keys", LONGEST), ("average", LONGEST)):
        if asked[name] is not None:
            require_integer(name, asked[name], 1, high)
    if asked["average"] is not None and asked["keys"] is not None:
        require_integer("average", asked["average"], 1, asked["keys"], "keys")
    for norm in norms:
        require(0 < norm < math.inf, "norm", norm, "a number above 0")
    if asked["head_width"] is not None:
        require_blocks(cache, asked["head_width"])
    layout.check(asked["head_width"])


def _question(
    asked: dict[str, int | None], bits: int, cache: str | None, norms: Norms, layout: Layout
) -> dict[str, int | float | str]:
    question: dict[str, int | float | str] = {name: value for name, value in asked.items() if value is not None}
    question |= {"bits": bits} if cache is None else {"cache": cache}
    if norms:
        question["norm"] = ",".join(f"{norm:g}" for norm in norms)
    for name in ("query_heads", "key_heads", "rotary"):
        if getattr(layout, name):
            question[name] = getattr(layout, name)
    return question


def _forward(heads: list[Head]) -> tuple[Head, str, bool | None]:
    """The head that is spoken of, an answer, and whether it fits; None where it does at some of the norms only."""
    works, fails = ([f"{head.norm:g}" for head in heads if head.serves() == does] for does in (True, False))
    if not works or not fails:
        head = heads[0] if works else heads[-1]
        return head, _one_answer(head), bool(works)
    head = next(head for head in heads if not head.serves())
    does = f"a head of width {head.width} averages most {_sets(head)}"
    return head, f"{_at_norms('Yes', works)}, {_at_norms('no', fails)}: {does} from norm {_least(head)} on.", None


def _at_norms(word: str, norms: list[str]) -> str:
    return f"{word} at norm{'s' * (len(norms) > 1)} {_listed(norms)}"


def _least(head: Head) -> str:
    needed = smallest_norm(head.width, head.keys, head.average, head.cache)
    return "of no length" if needed is None else f"{needed:.2f}"


def _one_answer(head: Head) -> str:
    d, n, q, norm = head.width, head.keys, head.average, head.norm
    limited = f"with queries of norm {norm:g} " if math.isfinite(norm) else ""
    if needs_nothing(n, q):
        return f"Yes: a head of any width averages every set of {q} of {n} keys, as equal scores are enough."
    every = fitting_keys(d, n, q, head.cache, norm)
    if serves_most(d, n, q, head.cache, norm):
        more = f" Every set is served by {every[0].name} keys." if every else ""
        used = used_width(d, n, q, head.cache) or d
        if used < d:
            more = f" Keys use {used} of its coordinates: with all, they would be rounded more coarsely.{more}"
        if not limited:
            needed = solve(used, n, hardest_size(used, n, q)).norm
            limited = f"with queries of norm {needed:.2f} ({in_use_text(needed)}) "
        return f"Yes: {limited}a head of width {d} averages most {_sets(head)}.{more}"
    if every:
        built = f"explicit {every[0].name} keys of width {every[0].width}"
        return f"Yes, but not with generic keys: {limited}{built} average all {_sets(head)}; {_reason(head)}."
    why = excluded(d, n, q, norm)
    if why:
        return f"Impossible: {limited}no head of width {d} averages most {_sets(head)}: {why}."
    known = "explicit keys that are known do not fit either"
    return f"No: {limited}a head of width {d} does not average most {_sets(head)}: {_reason(head)}; {known}."


def _reason(head: Head) -> str:
    """What generic keys lack."""
    d, n, q = head.width, head.keys, head.average
    if not most_sets_exist(d, n, q):
        return f"most of these sets of generic keys have no query of any length; from width {_exist_from(n, q)} they do"
    size = hardest_size(d, n, q)
    needed = solve(d, n, size).norm
    if needed > head.norm:
        return f"generic keys need norm {needed:.2f}"
    left = rounded_average(d, n, size, head.cache)
    return (
        f"rounding generic keys leaves {left.mass:.0%} of the softmax on the set, unevenly: averages of values in "
        f"[-1, 1] err by {left.error:.2f}, above {ALLOWED_ERROR}"
    )


def _exist_from(keys: int, average: int) -> int:
    return last(keys, lambda width: not most_sets_exist(width, keys, average)) + 1


def _sized_average(head: Head, norms: Norms) -> tuple[Head, str]:
    counts = [largest_average(head.width, head.keys, head.cache, norm) for norm in norms]
    at = replace(head, average=max(1, counts[-1]), norm=norms[-1])
    if counts == [0]:
        return at, _one_answer(at)
    usual = largest_average(head.width, head.keys, head.cache, SMOLLM2.median)
    more = "; sizes up to N / 2 were looked at" if max(counts) == max(1, at.keys // 2) else ""
    does = (
        f"A head of width {at.width} averages most sets of up to {_numbers(counts)} of {at.keys} keys {_in(at.cache)}"
    )
    return at, f"{does}{_at(at, norms, f'up to {usual}')}{more}."


def _sized_keys(head: Head, norms: Norms) -> tuple[Head, str]:
    counts = [largest_keys(head.width, head.average, head.cache, norm) for norm in norms]
    at = replace(head, keys=counts[-1], norm=norms[-1])
    usual = largest_keys(head.width, head.average, head.cache, SMOLLM2.median)
    more = "; more were not looked at" if max(counts) == LONGEST else ""
    does = f"A head of width {at.width} averages most sets of {at.average} of up to {_numbers(counts)} keys"
    return at, f"{does} {_in(at.cache)}{_at(at, norms, f'up to {usual}')}{more}."


def _sized_width(head: Head, norms: Norms) -> tuple[Head, str]:
    widths = [smallest_width(head.keys, head.average, head.cache, norm) for norm in norms]
    at = replace(head, width=widths[-1] or WIDEST, norm=norms[-1])
    usual = smallest_width(head.keys, head.average, head.cache, SMOLLM2.median)
    shown = [width or f"above {WIDEST}" for width in widths]
    kinds = [
        _explicit_at(replace(head, width=width, norm=norm)) for width, norm in zip(widths, norms, strict=True) if width
    ]
    explicit = [f"{kind} at width {width}" for kind, width in zip(kinds, filter(None, widths), strict=True) if kind]
    how = f"; explicit keys: {_listed(explicit)}, where generic keys do not" if explicit else ""
    does = f"The smallest head that averages most {_sets(at)} has width {_numbers(shown)}"
    return at, f"{does}{_at(at, norms, f'width {usual or shown[0]}')}{how}."


def _explicit_at(head: Head) -> str:
    """The explicit keys with which this head serves, where generic ones do not; empty where they do."""
    if serves_most(head.width, head.keys, head.average, head.cache, head.norm):
        return ""
    every = fitting_keys(head.width, head.keys, head.average, head.cache, head.norm)
    return every[0].name if every else ""


def _at(head: Head, norms: Norms, usual: str) -> str:
    """The norms that were given; else the norm that is needed, and the answer at a norm that half of the heads have."""
    if math.isfinite(norms[0]):
        return f", {_at_norms('', [f'{norm:g}' for norm in norms]).strip()}"
    needed = smallest_norm(head.width, head.keys, head.average, head.cache)
    if not needed:
        return ""
    half = f"at norm {SMOLLM2.median}, which half of the heads of SmolLM2 have"
    return f" with queries of norm {needed:.2f}; {half}, {usual}"


def _sets(head: Head) -> str:
    return f"sets of {head.average} among {head.keys} keys {_in(head.cache)}"


def _in(cache: Cache) -> str:
    return f"at {cache.name}" if cache.name.endswith("bits") else f"in {cache.name}"


def _numbers(numbers: Sequence[int | str]) -> str:
    return _listed([str(number) for number in numbers])


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
