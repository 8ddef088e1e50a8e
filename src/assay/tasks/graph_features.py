"""Numbers about a node that say little of cycles: what trivial baselines of the graph tasks are fitted on."""

from __future__ import annotations

import torch

LISTED = 16  # nodes up to which the degrees of all of them are given


def edge_features(adjacency: torch.Tensor, *, directed: bool) -> dict[str, torch.Tensor]:
    """Numbers about each node, by the baseline that sees them: (batch, N, columns).

    `edge count`: edges of the graph. `degrees`: that, the node's number and degrees, and in small graphs those of all
    nodes. `two steps`: walks of two steps from the node and to it, how many nodes they lead to, and neighbours from
    which one can go on; nothing of whether walks close.
    """
    edges = adjacency.float()
    length = edges.shape[1]
    ways = [edges, edges.transpose(1, 2)] if directed else [edges]
    number = torch.arange(length).expand(edges.shape[:2]).float()
    total = edges.sum(dim=(1, 2))[:, None].expand_as(number)
    degrees = [way.sum(dim=2) for way in ways]
    own = [number, total, *degrees]
    everyones = [degree[:, None, node].expand_as(number) for degree in degrees for node in range(length)]
    return {
        "edge count": total[..., None],
        "degrees": torch.stack(own + everyones * (length <= LISTED), dim=2),
        "two steps": torch.stack(own + _two_steps(ways, degrees), dim=2),
    }


def _two_steps(ways: list[torch.Tensor], degrees: list[torch.Tensor]) -> list[torch.Tensor]:
    found = []
    back = 1 if len(ways) == 1 else 0  # edges of a neighbour that lead back where one came from
    for way in ways:
        elsewhere = 1 - torch.eye(way.shape[1])
        walks = (way @ way) * elsewhere
        found += [(walks > 0).sum(dim=2), walks.sum(dim=2)]
        for degree in degrees:
            neighbours = torch.stack([degree, (degree > back).float()], dim=2)
            found += (way @ neighbours).unbind(2)
    if len(ways) == 2:
        found.append((ways[0] * ways[1]).sum(dim=2))
    return found
