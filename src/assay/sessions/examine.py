"""What `assay attack`, `assay precision` and `assay protocol` do: a network, wherever it came from, looked at."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import ParameterError
from assay.examine.attacks import Attack
from assay.examine.attacks import attack as attack_subject
from assay.examine.precision.search import WIDE, Precision, smallest_precision
from assay.examine.protocols import PROTOCOLS
from assay.examine.protocols.running import ProtocolRun, run_protocol
from assay.sessions.naming import Tell, silent, subject_from
from assay.tasks import Task

if TYPE_CHECKING:
    from assay.sessions.naming import Network


def attack(
    network: Network,
    *,
    task: Task | str | None = None,
    width: int | None = None,
    weights: str | Path | None = None,
    code: Iterable[str] = (),
    budget: int = 20_000,
    seed: int = 0,
    tell: Tell = silent,
    **parameters: object,
) -> Attack:
    """Search for the input on which a network errs most.

    Args:
        network: that was built or trained, the file that holds it, or `file.py:Class`.
        task: that a class is for; or its name, with its parameters.
        width: of a class that is a layer.
        weights: safetensors file with the weights of a class.
        code: Python files or modules of your own that a file needs.
        budget: inputs to try.
        seed: of all that is drawn.
        tell: hears of progress.
        parameters: of a task that is named.

    >>> from assay.sessions.build import build
    >>> attack(build("sparse-averaging", length=6, sparsity=2, method="sign", tolerance=0.1), budget=500).broken
    False

    Raises:
        AssayError: see `assay.open_subject`; or a budget that is no positive integer.
    """
    subject = subject_from(network, task, parameters, width=width, weights=weights, seed=seed, code=code, tell=tell)
    return attack_subject(subject, budget=budget, seed=seed, tell=tell)


def precision(
    network: Network,
    *,
    task: Task | str | None = None,
    width: int | None = None,
    weights: str | Path | None = None,
    code: Iterable[str] = (),
    draws: int = 200,
    most_bits: int = WIDE,
    seed: int = 0,
    tell: Tell = silent,
    **parameters: object,
) -> Precision:
    """The fewest bits per number at which a network still meets its tolerance, and where their point is.

    Args:
        network: as for `attack`, and so are `task`, `width`, `weights`, `code`, `tell` and `parameters`.
        draws: inputs of each distribution.
        most_bits: of a number, to try at most.
        seed: of all that is drawn.

    Raises:
        AssayError: see `assay.open_subject`; or the network misses its tolerance as it is, or needs more bits.
    """
    subject = subject_from(network, task, parameters, width=width, weights=weights, seed=seed, code=code, tell=tell)
    return smallest_precision(subject, draws=draws, most_bits=most_bits, seed=seed, tell=tell)


def protocol(
    name: str,
    network: Network,
    *,
    task: Task | str | None = None,
    width: int | None = None,
    weights: str | Path | None = None,
    code: Iterable[str] = (),
    bits: int | None = None,
    fraction: int | None = None,
    draws: int = 4096,
    seed: int = 0,
    tell: Tell = silent,
    **parameters: object,
) -> ProtocolRun:
    """Run a lower bound's communication protocol on a network: parties, messages, bits counted, answers checked.

    Args:
        name: of the protocol, or `file.py:Class`.
        network: as for `attack`, and so are `task`, `width`, `weights`, `code`, `tell` and `parameters`.
        bits: of every number; as the network is unless given.
        fraction: of these, bits after the point.
        draws: inputs; where there are no more, all are tried.
        seed: of those that are drawn.

    Raises:
        AssayError: no such protocol, or it needs what the network has not.
    """
    named = PROTOCOLS.named(name)
    subject = subject_from(network, task, parameters, width=width, weights=weights, seed=seed, code=code, tell=tell)
    if (bits is None) is not (fraction is None):
        raise ParameterError("{bits} and {fraction} go together: a number is a multiple of 2^-fraction")
    numbers = None if bits is None or fraction is None else (bits, fraction)
    return run_protocol(named, subject, numbers, draws, seed=seed)
