"""Averages over a window: residues and positions read off without error, by what its keys' own proof says"""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from assay.arithmetic.rounding import exact, gamma
from assay.constructions.active_clip import clipped_queries
from assay.errors import AssayError
from assay.proofs import PROOFS
from assay.proofs.proof import Proof, Step, Stored, require_fact
from assay.tasks.match3_local import Match3Local
from assay.tasks.sparse_averaging import SparseAveraging

_KEYS = ("sign", "reed-solomon")
_PREFIX = "unit."
_SCALE = math.sqrt(0.5)  # of values, and divided by again


@PROOFS.register
def window(stored: Stored[Match3Local]) -> Proof:
    """Averages over 2K + 1 tokens within the keys' guarantee; then whole numbers. As long as the keys' own proof."""
    task = stored.task
    require_fact(task.name == "match3-local", f"window computes match3-local, not {task.name}")
    reach = min(task.window, max(1, task.length - 1))
    inner, keys = _averaging(stored, reach), stored.text("keys")
    proof = PROOFS[keys](inner)
    span, places = 2 * reach + 1, task.length + 2 * reach
    average = exact(proof.guaranteed_error)
    read = 1 + gamma(3, torch.float64)
    residue = average * span * task.modulus / exact(_SCALE) * read + task.modulus * gamma(5, torch.float64)
    place = average * places / exact(_SCALE) * read + places * gamma(5, torch.float64)
    require_fact(residue < exact(0.5), f"residues are read off, within {float(residue.upper()):.3g}")
    require_fact(place < exact(0.5), f"positions are read off, within {float(place.upper()):.3g}")
    steps = [replace(step, statement=f"for averages: {step.statement}") for step in proof.steps]
    if keys == "sign":
        steps.append(_every_window(inner, task.length, reach))
    steps += [
        Step(
            f"each token reads off every residue of its window, within {float(residue.upper()):.3g}, and its position, "
            f"within {float(place.upper()):.3g}",
            f"averages err by at most {proof.guaranteed_error:.6g}; values sqrt(1/2) x / M and sqrt(1/2) j / (N + 2K) "
            f"have norm at most 1; each of {span} tokens has a slot of its own, as positions modulo {span} differ; "
            "what is read off is multiplied back, eight roundings",
        ),
        Step(
            "every answer is exact",
            f"all pairs of the window are tried, in whole numbers; a window of {reach} reaches as far as one of "
            f"{task.window} in {task.length} tokens",
        ),
    ]
    return Proof(stored.method, task.to_json(), 0.0, proof.arithmetic, tuple(steps), proof.assumes)


def _averaging(stored: Stored[Match3Local], reach: int) -> Stored[SparseAveraging]:
    """The averaging unit that the window's network holds, as if stored by itself."""
    keys, unit = stored.text("keys"), stored.settings["unit"]
    if keys not in _KEYS:
        raise AssayError(f"not proved: keys {keys!r} are none of {', '.join(_KEYS)}")
    others = [name for name in stored.tensors if not name.startswith(_PREFIX)]
    assert isinstance(unit, dict)
    require_fact(not others, f"no tensors are stored beside the unit's, not even {others[:1]}")
    span = 2 * reach + 1
    return Stored(
        method=keys,
        task=SparseAveraging(length=stored.task.length + span - 1, sparsity=span, dimension=span + 1),
        settings=unit,
        tensors={name.removeprefix(_PREFIX): tensor for name, tensor in stored.tensors.items()},
        tell=stored.tell,
    )


def _every_window(inner: Stored[SparseAveraging], length: int, reach: int) -> Step:
    """Check that no window is refused: the queries of all of them, as the forward pass computes and checks them."""
    keys = inner.tensors["keys"]
    pointers = torch.arange(length)[:, None] + torch.arange(2 * reach + 1)
    found = clipped_queries(keys.double().sign() / math.sqrt(keys.shape[1]), pointers)[1]
    require_fact(bool(found.all()), f"every window has a query; {int((~found).sum())} of {length} have none")
    return Step(
        f"all {length} windows have a query that the forward pass lets through",
        f"exhaustive over all {length} windows, by the forward pass's own check in float64",
    )
