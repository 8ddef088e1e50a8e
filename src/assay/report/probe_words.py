"""How the page and the terminal say what a probe of attention heads found."""

from __future__ import annotations

from assay.probing.budget import IN_USE
from assay.probing.findings import Findings
from assay.probing.headline import coarsest, ranked_by
from assay.probing.reach import MASS
from assay.report.probe_tables import FIGURES

EXISTENCE_CAPTION = (
    "Points are measured on these keys, each outcome verified. The line is the exact probability for keys drawn from "
    "any non-singular Gaussian. Existence says nothing of how long the query must be."
)
VALIDATED = (
    "What was validated: when the keys of one head at a time are rounded to 3 bits, its written error ranks heads as "
    "the measured effect on the model does, with a rank correlation of 0.80 (95 % interval 0.71 to 0.86; SmolLM2, 135 "
    "heads, three texts) and 0.76 (0.61 to 0.85; MiniLM, 72 heads), attention error with 0.51 (0.36 to 0.65) and 0.51 "
    "(0.27 to 0.69), and the best plain statistic with 0.31 and -0.48; reach is no measure of importance."
)


def loss_caption(found: Findings) -> str:
    """What the map of losses shows."""
    name = ranked_by(found, coarsest(found) or "")
    return (
        f"Colour: the head's {FIGURES[name]} with keys rounded and values kept{_median_text(found)}. Crosses: of the "
        "sets of four keys that queries weigh most over a tenth keep less than 90 % of their mass."
    )


def reach_caption(found: Findings) -> str:
    """What the map of reach shows."""
    return (
        f"The share of {found.sets} sets of each kind and size that a query like the head's own averages with "
        f"{MASS:.0%} of the softmax: one in the ellipsoid of their second moments that holds {IN_USE:.0%} of "
        f"them{_median_text(found)}. It tells what a head can do, and not whether the model needs it. "
        "Counted over each panel: the heads that reach at least half of the sets."
    )


def probe_text(found: Findings) -> str:
    """What was probed, in words."""
    shared = "" if found.key_heads == found.heads_count else f" ({found.key_heads} with keys of their own)"
    seen = (
        f"the {found.length} keys that a query at position {found.length - 1} sees"
        if found.causal
        else f"{found.length} keys"
    )
    note = f" {found.note}" if found.note else ""
    return (
        f"{found.heads_count} heads{shared} of width {found.width} in {found.layers} "
        f"layer{'s' * (found.layers != 1)}, on {seen}{texts_text(found)}.{note}"
    )


def texts_text(found: Findings) -> str:
    """Which texts were read, in words; empty where that is not known."""
    count, names = len(found.texts), ", ".join(found.texts)
    return "" if not names else f" of a text ({names})" if count == 1 else f" of each of {count} texts ({names})"


def _median_text(found: Findings) -> str:
    return "; the median over texts" if len(found.texts) > 1 else ""
