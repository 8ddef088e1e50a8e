"""Numbers about a query that do without the rest of the sequence: what trivial baselines are fitted on for symbols."""

from __future__ import annotations

import torch

LAST = 3  # tokens, the query's among them


def token_features(tokens: torch.Tensor, queries: int) -> dict[str, torch.Tensor]:
    """`own token` is the query's symbols, `last tokens` those of the last three up to it, -1 before the first.

    Args:
        tokens: int64 (batch, length) or (batch, length, vocabularies).
        queries: how many of the last ones ask.

    Returns:
        By name, float64 (batch, queries, columns).
    """
    symbols = tokens.view(*tokens.shape[:2], -1).double()
    before = torch.nn.functional.pad(symbols, (0, 0, LAST - 1, 0), value=-1.0)
    length = symbols.shape[1]
    last = torch.cat([before[:, LAST - 1 - back : LAST - 1 - back + length] for back in range(LAST)], dim=2)
    return {"own token": symbols[:, -queries:], "last tokens": last[:, -queries:]}


def pair_features(keys: torch.Tensor, values: torch.Tensor, vocabulary: int, queries: int) -> dict[str, torch.Tensor]:
    """`values present`: how often each value occurs. `last pair`: the last one, and whether its key is asked for.

    Args:
        keys: int64 (batch, length); from `vocabulary` on they are none. The last ones are those that are asked for.
        values: likewise; only one from 0 to `vocabulary` - 1, beside a key, makes a pair.
        vocabulary: number of keys, and of values.
        queries: how many of the last tokens ask.

    Returns:
        By name, float64 (batch, queries, columns).
    """
    asked, keys, values = keys[:, -queries:], keys[:, :-queries], values[:, :-queries]
    is_pair = (keys < vocabulary) & (values >= 0) & (values < vocabulary)
    counts = torch.zeros(len(keys), vocabulary, dtype=torch.float64)
    counts.scatter_add_(1, values.clamp(0, vocabulary - 1), is_pair.double())
    last = torch.where(is_pair, torch.arange(keys.shape[1]), 0).amax(dim=1, keepdim=True)
    key, value = (part.gather(1, last).expand_as(asked) for part in (keys, values))
    return {
        "values present": counts.unsqueeze(1).expand(-1, queries, -1),
        "last pair": torch.stack([asked, key, value, asked == key], dim=2).double(),
    }
