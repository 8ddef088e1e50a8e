"""The attention of a network on one example, beside what it should attend to."""

from __future__ import annotations

from typing import Any

import torch

from assay.evidence import Json
from assay.tasks.task import Task


def attention_map_of(task: Task, network: Any, **sampling: Any) -> Json:
    """Attention weights of the first example beside its pointers, as plain lists: what a report draws."""
    inputs = task.sample(1, seed=0, **sampling).inputs
    with torch.no_grad():
        weights = network.attention(inputs)[0].mean(dim=0)
    rounded = [[round(weight, 4) for weight in row] for row in weights.tolist()]
    on = weights.gather(1, inputs.pointers[0]).sum(dim=1).mean().item()
    return {"weights": rounded, "pointers": inputs.pointers[0].tolist(), "mass_on_pointers": round(on, 4)}
