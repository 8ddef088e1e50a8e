"""What half of the tokens must tell of themselves to Match3's token 0: shared by bounds on states and on messages.

Token 0 holds 1, Alice's n tokens come next and then Bob's n, n = (N - 1)/2 rounded down; whatever follows holds 1. Only
token 0's answer counts. It is a function of Bob's tokens and of what is told of Alice's.
"""

from __future__ import annotations

import math
from functools import cache

from assay.bounds.disjoint_sets import bits_to_tell_meeting
from assay.bounds.information import plain_error, told
from assay.tasks.match3 import Match3

AT_TOKEN_0 = "token 0"


def unmet_at_token_0(task: Match3, error: float, distribution: str, wanted: str) -> str:
    """The distribution, room for it, and an error that guessing does not reach; in words, empty where all hold."""
    if distribution != wanted:
        return f"needs {wanted!r} inputs, not {distribution!r}"
    if task.lacks(wanted):
        return f"needs {task.lacks(wanted)}"
    return "" if error < 0.5 else "needs an error below 1/2"


def index_bits(task: Match3, error: float) -> float:
    """n (1 - h(error)): bits that tell any one of n random bits with this share of errors.

    On the distribution `index` Alice's n bits a_i are uniform and token 0's answer is a_i, i uniform and known to Bob
    alone. With e_i the share of errors where i is asked, what is told gives away at least 1 - h(e_i) of bit i. The bits
    are independent, so that it has at least the sum over i, which is at least n (1 - h(e)), as h is concave and e the
    mean of the e_i. Half of the answers are 1, and a balanced share of errors is a plain one.

    >>> round(index_bits(Match3(length=65), 0.1), 1)
    17.0
    """
    return task.hard_bits() * told(error)


def halves_bits(task: Match3, error: float) -> float:
    """Bits that tell, with this balanced share of errors, whether a random set meets another (`disjoint_sets`).

    On the distribution `halves` Alice and Bob hold independent uniform sets of n out of u = (M - 2)/2 elements, rounded
    down, and token 0's answer is 1 if they meet.

    >>> [round(halves_bits(Match3(length=length), 0.1)) for length in (65, 129)]
    [119, 282]
    """
    return _halves_bits(task.hard_bits(), task.half_choices, error)


@cache
def _halves_bits(size: int, choices: int, balanced: float) -> float:
    apart = math.exp(sum(math.log1p(-size / (choices - i)) for i in range(size)))
    return bits_to_tell_meeting(size, choices, plain_error(balanced, 1 - apart))
