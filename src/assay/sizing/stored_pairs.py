"""How much state holds K pairs of a key and a value, each value one of V, so that a key is answered with its value?"""

from __future__ import annotations

import math

from assay.bounds.bound import log2_binomial
from assay.bounds.information import told
from assay.errors import AssayError, require, require_integer
from assay.sizing.answer import Sized, Statement
from assay.sizing.bisection import last

MOST = 1 << 40  # pairs, values, keys and bits of state
# Least-squares memories of d x d numbers, random unit keys and values, read by the nearest of V values: loads
# 2 K ln V / d^2, and the least share of right answers at d = 32, 64, 128 and V = K, 8 K. tests/test_size_pairs.py
# measures it again.
LEAST_SQUARES = ((0.25, 0.999), (0.35, 0.99), (0.5, 0.97), (0.7, 0.87), (1.0, 0.67), (1.4, 0.42), (2.0, 0.21))
TRAINED_PAIRS, TRAINED_VALUES, TRAINED_WIDTH, TRAINED_ERROR = 32, 32, 32, 0.05


def size_pairs(
    pairs: int | None = None,
    values: int | None = None,
    *,
    state_bits: int | None = None,
    keys_of: int | None = None,
    error: float = 0.0,
) -> Sized:
    """The state that recall takes, whether this one is enough, or, without `pairs`, how many pairs it can hold.

    Values are independent and uniform over V, keys are distinct and drawn independently of the values; every key that
    was stored is asked for, or one of them at random by a network of one pass.

    Args:
        pairs: K.
        values: V, at least 2.
        state_bits: B, all bits that are carried from the pairs to the queries.
        keys_of: U, the number of possible keys; K unless given: they are known beforehand.
        error: share of wrong answers that is allowed, below 1 - 1/V.

    Time: milliseconds.

    >>> size_pairs(64, 64, error=0.1).answer
    '64 pairs with one of 64 values each take at least 316 bits of state at an error of 0.1, whatever the network; a
    table takes 348.'
    >>> sized = size_pairs(values=64, state_bits=384)
    >>> sized.amount("necessary"), sized.amount("enough")
    (64, 64)

    Raises:
        AssayError: neither pairs nor state_bits, or a value that is not allowed.
    """
    _check(pairs, values, state_bits, keys_of, error)
    question: dict[str, int | float | str] = {}
    given = {"pairs": pairs, "values": values, "state_bits": state_bits, "keys_of": keys_of}
    question |= {name: value for name, value in given.items() if value is not None} | {"error": error}
    v = values or 2
    if pairs is None:
        return _most_pairs(question, v, state_bits or 0, keys_of, error)
    universe = keys_of or pairs
    needed, enough = necessary_bits(pairs, v, error), table_bits(pairs, v, universe, error)
    exists = min(enough, existing_bits(pairs, v, universe, error))
    what = f"{pairs:,} pairs with one of {v:,} values each"
    allowed = f" at an error of {error:g}" if error else " without errors"
    fits, change = None, ""
    if state_bits is None:
        least = f"{what} take at least {needed:,} bits of state{allowed}, whatever the network"
        answer = f"{least}; a table takes {enough:,}."
    elif state_bits < needed:
        fits = False
        answer = f"Impossible: {what} take at least {needed:,} bits of state{allowed}, and {state_bits:,} are there."
        change = _change(pairs, v, state_bits, keys_of, error)
    elif state_bits >= exists:
        fits = True
        how = f"a table of {enough:,}" if state_bits >= enough else f"a table that exists, of {exists:,},"
        answer = f"Yes: {how} bits holds {what}{allowed}; {state_bits:,} are there, and {needed:,} are necessary."
    else:
        answer = (
            f"Left open: {what} take at least {needed:,} bits of state{allowed}, and {state_bits:,} are there; a table "
            f"takes {enough:,}."
        )
        change = _change(pairs, v, state_bits, keys_of, error)
    statements = (
        _necessary(needed, error),
        Statement("enough", _table_text(pairs, v, universe, error), enough, "explicit: counted"),
        *_existing(pairs, v, universe, error),
        *_linear(pairs, v, error),
        _training(pairs, v, error),
        _attention(pairs),
    )
    return Sized(question, answer, fits, statements, change, _warnings(universe > pairs))


def necessary_bits(pairs: int, values: int, error: float) -> int:
    """The least whole number of bits of state that the bound recall-state leaves open.

    That is K (log2 V - h(e) - e log2(V - 1)), rounded up; see `assay.bounds.recall_state`.

    >>> necessary_bits(64, 64, 0.0), necessary_bits(64, 64, 0.1)
    (384, 316)
    """
    return math.ceil(pairs * told(error, values) - 1e-9)


def kept(pairs: int, values: int, error: float) -> int:
    """Pairs that must be kept where the answers to all others are guesses, right once in V times.

    >>> kept(64, 64, 0.1), kept(64, 2, 0.25), kept(64, 64, 0.0)
    (58, 32, 64)
    """
    lost = math.floor(pairs * error / (1 - 1 / values) + 1e-9)
    return max(0, pairs - lost)


def table_bits(pairs: int, values: int, universe: int, error: float) -> int:
    """Bits of an explicit memory for K of U keys: the smaller of two that keep some pairs and guess the others.

    The kept keys, as a number of a subset, and their values; or a value for each kept one of all U keys.

    >>> table_bits(64, 64, 64, 0.0), table_bits(64, 64, 1024, 0.0), table_bits(2, 2, 3, 0.0)
    (384, 726, 3)
    """
    some, all_keys = kept(pairs, values, error), kept(universe, values, error)
    slots = all_keys * math.log2(values)
    named = log2_binomial(universe, some) + some * math.log2(values)
    return math.ceil(min(slots, named) - 1e-9)


def existing_bits(pairs: int, values: int, universe: int, error: float) -> int:
    """Bits of a memory that exists, not written down: keys cost next to nothing while absent ones are not asked for.

    M functions from keys to values, drawn at random, hold one for every choice of K keys and their values, unless by
    chance; a union bound shows that some M functions do once M > V^K ln(C(U, K) V^K). The state is the number of one.

    >>> existing_bits(64, 64, 1024, 0.0)
    393
    """
    some = kept(pairs, values, error)
    if not some:
        return 0
    choices = log2_binomial(universe, some) + some * math.log2(values)
    return math.ceil(some * math.log2(values) + math.log2(choices * math.log(2) + 1))


def linear_width(pairs: int, values: int, error: float) -> int | None:
    """d of a least-squares memory of d x d numbers that reaches this error, by the measured law 2 K ln V = a d^2.

    The load a is the largest measured one whose errors are as few; None below the errors that were measured. For V
    below K, where nothing was measured, as for V = K.

    >>> linear_width(350, 350, 0.33), linear_width(350, 350, 0.03)
    (65, 91)
    """
    loads = [load for load, right in LEAST_SQUARES if right >= 1 - error]
    if not loads:
        return None
    return math.ceil(math.sqrt(2 * pairs * math.log(max(pairs, values)) / max(loads)))


def largest_pairs(values: int, state_bits: int, keys_of: int | None, error: float) -> tuple[int, int]:
    """The largest K that the bound leaves open, and that a table holds, for this state; at most U of them.

    >>> largest_pairs(64, 400, None, 0.0), largest_pairs(64, 400, 1024, 0.0)
    ((66, 66), (66, 32))
    """
    most = keys_of or MOST
    return (
        last(most, lambda pairs: necessary_bits(pairs, values, error) <= state_bits),
        last(most, lambda pairs: table_bits(pairs, values, keys_of or pairs, error) <= state_bits),
    )


def _check(pairs: int | None, values: int | None, state_bits: int | None, keys_of: int | None, error: float) -> None:
    if pairs is None and state_bits is None:
        raise AssayError("recall is sized by pairs and values, or by state_bits and values")
    require_integer("values", values, 2, MOST)
    if pairs is not None:
        require_integer("pairs", pairs, 1, MOST)
    if state_bits is not None:
        require_integer("state_bits", state_bits, 1, MOST)
    if keys_of is not None:
        require_integer("keys_of", keys_of, pairs or 1, MOST)
    guess = 1 - 1 / (values or 2)
    require(0 <= error < guess, "error", error, f"from 0 to below {guess:g}, the error of a guess")


def _most_pairs(
    question: dict[str, int | float | str], values: int, state_bits: int, keys_of: int | None, error: float
) -> Sized:
    most, held = largest_pairs(values, state_bits, keys_of, error)
    allowed = f" at an error of {error:g}" if error else " without errors"
    of = f"pairs with one of {values:,} values each"
    answer = f"{state_bits:,} bits of state hold at most {most:,} {of}{allowed}; a table holds {held:,}."
    table = f": {_table_text(held, values, keys_of or held, error)}" if held else ""
    found = [
        Statement("necessary", f"no network holds more than {most:,}", most, _FANO),
        Statement("enough", f"a table holds {held:,}{table}", held, "explicit: counted"),
    ]
    return Sized(question, answer, None, tuple(found), "", _warnings(keys_of is not None))


_FANO = (
    "recall-state: K (log2 V - h(e) - e log2(V - 1)) bits, by Fano's inequality, for causal networks; for one pass, if "
    "only one of the keys is asked for"
)


def _necessary(needed: int, error: float) -> Statement:
    return Statement("necessary", f"{needed:,} bits of state", needed, _FANO)


def _table_text(pairs: int, values: int, universe: int, error: float) -> str:
    some, bits = kept(pairs, values, error), table_bits(pairs, values, universe, error)
    which = (
        "values of keys that are known beforehand" if universe == pairs else f"keys of {universe:,} and their values"
    )
    rest = f", {pairs - some:,} are guessed" if some < pairs else ""
    return f"a table of {bits:,} bits: {some:,} {which}{rest}"


def _existing(pairs: int, values: int, universe: int, error: float) -> tuple[Statement, ...]:
    if universe == pairs:
        return ()
    bits = existing_bits(pairs, values, universe, error)
    says = f"some memory of {bits:,} bits does, for {universe:,} possible keys; it is not written down"
    return (Statement("exists", says, bits, "covering arrays, by a union bound"),)


def _linear(pairs: int, values: int, error: float) -> tuple[Statement, ...]:
    digits = math.ceil(math.log2(values))
    exact = Statement(
        "linear memory, exact",
        f"keys as one-hot vectors of width K, as linear attention and the delta rule write them: {pairs:,} x {digits} "
        "numbers of 2 bits or more",
        pairs * digits,
        "explicit: orthonormal keys do not disturb one another; a value is the signs of its number",
    )
    wide = linear_width(pairs, values, error)
    rests = (
        "measured at d = 32 to 128 with V = K and 8 K, random unit keys and values, read by the nearest value; else "
        "extrapolated. the threshold d^2 = 2 K ln V is conjectured"
    )
    if wide is None or pairs < 2:
        says = f"random keys: errors below {1 - LEAST_SQUARES[0][1]:.1g} were not measured"
        return (exact, Statement("linear memory", says, None, rests))
    says = f"random keys, least squares: {wide:,} x {wide:,} = {wide**2:,} numbers"
    return (exact, Statement("linear memory", says, wide**2, rests))


def _training(pairs: int, values: int, error: float) -> Statement:
    numbers = TRAINED_WIDTH * pairs
    inside = pairs <= TRAINED_PAIRS and values <= TRAINED_VALUES and error >= TRAINED_ERROR
    says = f"DeltaNet of width {TRAINED_WIDTH} learns it at key width K, so with {numbers:,} numbers of state"
    rests = f"measured at K = 4, 8, 16, 32, V = 32, error {TRAINED_ERROR:g}{'' if inside else '; EXTRAPOLATED here'}"
    return Statement("training", says, numbers, rests)


def _attention(pairs: int) -> Statement:
    inside = 8 <= pairs <= TRAINED_PAIRS
    says = f"attention of width 8 learns it, K aside; its cache grows with K: {2 * 8 * pairs:,} numbers"
    rests = f"measured at K = 8, 16, 32, V = 32, error {TRAINED_ERROR:g}{'' if inside else '; EXTRAPOLATED here'}"
    return Statement("training, attention", says, 2 * 8 * pairs, rests)


def _change(pairs: int, values: int, state_bits: int, keys_of: int | None, error: float) -> str:
    enough = table_bits(pairs, values, keys_of or pairs, error)
    _, held = largest_pairs(values, state_bits, keys_of, error)
    ways = [(enough / state_bits, f"{enough:,} bits of state instead of {state_bits:,}")]
    if held:
        ways.append((pairs / held, f"{held:,} pairs instead of {pairs:,}"))
    ways.sort()
    return f"{'; or '.join(text for _, text in ways)} ({ways[0][0]:.2g} times)"


def _warnings(unknown_keys: bool) -> tuple[str, ...]:
    absent = "only keys that were stored are asked for; to tell that a key is absent takes more"
    return (absent,) if unknown_keys else ()
