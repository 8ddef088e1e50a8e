"""What it takes to track the products of a group, or the states of a regular language, for words of N letters."""

from __future__ import annotations

import math

from assay.errors import AssayError, require_integer
from assay.groups.answer import answer_group
from assay.groups.certify import WeightsCertificate
from assay.groups.reading import group_from
from assay.languages.automaton import Automaton
from assay.languages.classes import classify
from assay.languages.reading import read_language
from assay.sizing.answer import Sized, Statement

MOST_LETTERS = 2**53
_NECESSARY = (
    "proved: words that lead elsewhere need different states, as some next letters tell them apart; for causal "
    "networks in one pass"
)
_WEIGHTS = "explicit weights: assay.languages.weights"


def size_group(name: str, length: int) -> Sized:
    """Layers, state and bits that the words of a group take, each letter any element.

    Statements are named `necessary`, `weights` (one for each certificate that reaches N) and `too short` (those that do
    not), the least state first.

    >>> size_group("S5", 4096).answer
    'Words of 4,096 letters of S5: at least 7 bits of state; 1 layer of 4 numbers of state tracks them, in float32.'

    Raises:
        AssayError: no such group, or one for which no weights are written down; a length that is not allowed.
    """
    require_integer("length", length, 1, MOST_LETTERS, "2^53")
    found = answer_group(group_from(name))
    order = found.structure.order
    bits = math.ceil(math.log2(order))
    whole = sorted((one for one in found.weights if one.letters == order), key=lambda one: (one.state, one.layers))
    reach = [one for one in whole if one.horizon is None or one.horizon >= length]
    if not reach and order > 1:
        raise AssayError(f"{found.name} has {order:,} elements; no weights for so many are written down")
    statements = [Statement("necessary", f"{_bits(bits)} of state: {order:,} products", bits, _NECESSARY)]
    statements += [_weights("weights", one) for one in reach]
    statements += [_weights("too short", one) for one in whole if one not in reach]
    answer = f"Words of {length:,} letters of {found.name}: at least {_bits(bits)} of state; {_best(reach)}."
    return Sized({"group": found.name, "length": length}, answer, None, tuple(statements))


def _best(reach: list[WeightsCertificate]) -> str:
    if not reach:
        return "every product is the same"
    best = reach[0]
    tracks = "tracks" if best.layers == 1 else "track"
    return f"{_layers(best.layers)} of {best.state:,} numbers of state {tracks} them, in {best.arithmetic}"


def _weights(name: str, one: WeightsCertificate) -> Statement:
    steps = f", {one.steps} Householder step{'s' * (one.steps != 1)} a letter" if one.steps else ""
    until = "any length" if one.horizon is None else f"up to {one.horizon:,} letters"
    says = f"{one.weights}: {_layers(one.layers)}, {one.state:,} numbers of state{steps}, {until} in {one.arithmetic}"
    return Statement(name, says, one.state, one.justification)


def size_language(expression: str, length: int) -> Sized:
    """Layers, state and bits that words of up to N letters of a regular language take.

    Statements are named `necessary`, `recurrent` and, where weights for so many letters are known, `attention` and
    `counting`.

    >>> print(size_language("(ab)*", 512).answer)
    Words of up to 512 letters of (ab)*: at least 2 bits of state; 1 recurrent layer of 3 numbers, or 9 layers of
    attention, or 2 layers of attention that counts.

    Raises:
        AssayError: no regular language, or a length that is not allowed.
    """
    require_integer("length", length, 1, MOST_LETTERS, "2^53")
    automaton = read_language(expression, None)
    size, states = automaton.states, _reached(automaton, length)
    bits = math.ceil(math.log2(states))
    numbers = f"{size:,} number{'s' * (size != 1)}"
    needed = f"{_bits(bits)} of state: words of up to {length:,} letters reach {states:,} states"
    recurrent = f"1 layer of {numbers} of state, zeros and ones, any length and arithmetic"
    statements = [Statement("necessary", needed, bits, _NECESSARY), Statement("recurrent", recurrent, size, _WEIGHTS)]
    ways = [f"1 recurrent layer of {numbers}"]
    depth = (length - 1).bit_length()
    arithmetic = _arithmetic(length)
    if arithmetic:
        ways.append(f"{_layers(depth)} of attention")
        sizes = f"{size**2:,} numbers a token, {size**3:,} units of its MLP"
        says = f"{_layers(depth)} of one head, ceil(log2 N), in {arithmetic}: {sizes}"
        statements.append(Statement("attention", says, depth, _WEIGHTS))
    counting = _counting(automaton)
    if counting is not None:
        ways.append(f"{_layers(counting)} of attention that counts")
        says = f"{_layers(counting)} of attention, whatever N is, with weights of about 2 log2 N bits"
        statements.append(Statement("counting", says, counting, f"a program, perhaps not the least deep; {_WEIGHTS}"))
    name = expression or "the empty word"
    answer = f"Words of up to {length:,} letters of {name}: at least {_bits(bits)} of state; {', or '.join(ways)}."
    return Sized({"language": expression, "length": length}, answer, None, tuple(statements))


def _arithmetic(length: int) -> str:
    """In which attention of logarithmic depth is proved to read words of this length; empty where in none."""
    import torch

    from assay.languages.weights.prefix import longest_word

    dtypes = {"float32": torch.float32, "float64": torch.float64}
    return next((name for name, dtype in dtypes.items() if length <= longest_word(dtype)), "")


def _layers(count: int) -> str:
    return f"{count} layer{'s' * (count != 1)}"


def _bits(count: int) -> str:
    return f"{count} bit{'s' * (count != 1)}"


def _reached(automaton: Automaton, length: int) -> int:
    """States that words of at most N letters lead to."""
    reached = {0}
    for _ in range(min(length, automaton.states)):
        reached |= {int(there) for state in reached for there in automaton.table[state]}
    return len(reached)


def _counting(automaton: Automaton) -> int | None:
    """The depth of a program that counts; None where there is none."""
    from assay.languages.synthesis import program_of

    return program_of(automaton).depth if classify(automaton).c_rasp.holds else None
