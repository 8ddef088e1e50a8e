"""How often a sequence is shown to a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.tasks.spec import Spec


def passes_for(spec: Spec, causal: bool) -> int:
    """Twice where answers may depend on later tokens and no layer looks ahead; else once.

    >>> from assay import Match2, SparseAveraging
    >>> passes_for(Match2(length=8).spec, causal=True), passes_for(Match2(length=8).spec, causal=False)
    (2, 1)
    >>> passes_for(SparseAveraging(length=8, sparsity=2, layout="last").spec, causal=True)
    1
    """
    return 2 if causal and spec.order == "any" else 1
