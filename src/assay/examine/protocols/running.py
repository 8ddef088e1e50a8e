"""Running a protocol by its name, for studies, the command line and Python."""

from __future__ import annotations

from assay.arithmetic.fixed_point import FixedPoint
from assay.evidence import Json
from assay.examine.protocols import PROTOCOLS
from assay.examine.subject import Subject


def run_protocol(
    name: str, subject: Subject, numbers: tuple[int, int] | None = None, instances: int = 4096, *, seed: int = 0
) -> Json:
    """A protocol on a network, as plain JSON values: see `assay.examine.protocols.protocol.Outcome`.

    Args:
        name: of the protocol.
        subject: the network and its task.
        numbers: bits of every number, and how many of them are after the point; as the network is unless given.
        instances: inputs to enumerate, or else to draw.
        seed: of those that are drawn.

    >>> from assay import SparseAveraging, build
    >>> from assay.examine.subject import subject_of
    >>> unit = build(SparseAveraging(length=5, sparsity=2), method="sign", tolerance=0.1)
    >>> found = run_protocol("disjointness", subject_of(unit))
    >>> found["wrong"], found["runs"], found["baselines"]
    (0, 16, {'always intersect': 9, 'always disjoint': 7})

    Raises:
        AssayError: no such protocol, or it needs what the network has not.
    """
    protocol = PROTOCOLS[name]()
    outcome = protocol.run(subject, FixedPoint(*numbers) if numbers else None, instances, seed)
    return {
        "network": subject.name,
        "family": subject.family,
        "task": subject.task.to_json(),
        "size": None if subject.size is None else subject.size.to_json(),
        "numbers": None if numbers is None else list(numbers),
        **outcome.to_json(),
    }
