"""Tables of codes with a leading axis of networks."""

from __future__ import annotations

import torch
from torch import Tensor


def look_up(tables: Tensor, symbols: Tensor) -> Tensor:
    """Rows of each network's table (networks, rows, width) by its symbols (networks, ...): (networks, ..., width)."""
    networks, rows, _ = tables.shape
    first = torch.arange(0, networks * rows, rows, device=tables.device).view(-1, *[1] * (symbols.ndim - 1))
    return torch.nn.functional.embedding(symbols + first, tables.flatten(0, 1))
