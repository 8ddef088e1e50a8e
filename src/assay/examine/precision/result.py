"""The smallest precision of a network for the command line and Python."""

from __future__ import annotations

from collections.abc import Callable

from assay.evidence import Json
from assay.examine.precision.search import WIDE, smallest_precision
from assay.examine.subject import Subject


def precision_result(
    subject: Subject,
    *,
    draws: int = 200,
    seed: int = 0,
    most_bits: int = WIDE,
    tell: Callable[[str], None] = lambda _: None,
) -> Json:
    """`smallest_precision` as plain JSON values, with the bits that one token's embedding then has."""
    found = smallest_precision(subject, draws=draws, seed=seed, most_bits=most_bits, tell=tell)
    width = None if subject.size is None else subject.size.width
    return {
        "network": subject.name,
        "task": subject.task.to_json(),
        **found.to_json(),
        "width": width,
        "message_bits": None if width is None else width * found.bits,
    }
