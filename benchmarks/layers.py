"""Layers against plain attention: time of a forward and backward pass, and the drift of what they carry on.

    python -m benchmarks.layers [--rounds 40 --only delta --drift]

Times: batch 64, 64 tokens, causal, every position's output, one thread; the least processor time of a pass of the layer
and of plain attention, taken in turn. Plain attention is softmax(Q K^T) V with the matrix of scores, written out here.
`bar` is the ratio that the bare form was measured at in plain PyTorch; a layer is to stay within 1.15 times it.

Drift (`--drift`): the same weights and tokens in float32 and bfloat16, beside float64: the state after 4,096 tokens
that are shown one at a time, each state rounded to the dtype, and the last 64 outputs. Errors are relative, in the
2-norm.
"""

import copy
import time

import torch
from benchmarks.peers.record import keep, options, show
from torch import nn

from assay.layers import LAYERS
from assay.layers.common.short_conv import ShortConv
from assay.layers.layer import Layer

BATCH, LENGTH, WIDTHS = 64, 64, (32, 64)
SLACK = 1.15
CAUSAL = {"attention", "window-attention", "alibi", "hard-alibi"}
# name, options, and the bars at the two widths
CASES = [
    ("attention", {}, (1.0, 1.0)),
    ("attention", {"rotary": True}, (1.22, 1.18)),
    ("window-attention", {"window": 8}, (0.93, 0.99)),
    ("alibi", {"heads": 4}, (3.38, 1.66)),
    ("hard-alibi", {"heads": 2}, (1.40, 1.18)),
    ("linear", {}, (1.18, 1.46)),
    ("linear", {"feature": "identity"}, (0.88, 1.18)),
    ("retnet", {}, (1.12, 1.19)),
    ("gated-linear", {}, (1.22, 1.30)),
    ("gated-linear", {"gate": "vector"}, None),
    ("mlstm", {}, (1.77, 1.59)),
    ("delta-net", {}, (2.23, 2.31)),
    ("delta-net", {"eigenvalues": "signed"}, (2.23, 2.31)),
    ("gated-delta-net", {}, (3.08, 2.81)),
    ("delta-product", {"steps": 2}, (6.15, 5.11)),
    ("selective", {}, (5.0, 7.3)),
    ("selective", {"eigenvalues": "signed"}, (5.0, 7.3)),
    ("s4d", {}, (1.22, 1.31)),
    ("min-gru", {}, (0.67, 0.73)),
    ("min-lstm", {}, (0.95, 1.15)),
    ("lstm", {}, (0.92, 1.29)),
    ("gru", {}, (2.10, 1.93)),
]


class Plain(nn.Module):
    """softmax(Q K^T / sqrt(m)) V O with a mask, as a textbook has it."""

    def __init__(self, width):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))

    def forward(self, tokens, last):
        scores = self.q(tokens) @ self.k(tokens).mT * tokens.shape[-1] ** -0.5
        later = torch.ones(scores.shape[1:], dtype=torch.bool).triu(1)
        return self.o(scores.masked_fill(later, -torch.inf).softmax(-1) @ self.v(tokens))


class Nothing(Layer):
    """Adds nothing to what stands before it."""

    def forward(self, tokens, last):
        return tokens[:, -last:]


def made(name, width, options):
    torch.manual_seed(0)
    return LAYERS[name](width, **({"causal": True} if name in CAUSAL else {}), **options)


def said(name, options):
    return " ".join([name, *(f"{key.replace('_', '-')}={value}" for key, value in options.items())])


def step(layer, tokens, weights):
    """One forward and backward pass."""

    def action():
        layer.zero_grad()
        (layer(tokens, tokens.shape[1]) * weights).sum().backward()

    return action


def seconds(action):
    begin = time.process_time()
    action()
    return time.process_time() - begin


def timed(name, layer_options, bars, width, chosen):
    batch, length = (2, 8) if chosen.tiny else (BATCH, LENGTH)
    tokens, weights = (torch.randn(batch, length, width) for _ in range(2))
    tokens.requires_grad_()
    layer = ShortConv(Nothing(), width) if name == "short-conv" else made(name, width, layer_options)
    actions = step(Plain(width), tokens, weights), step(layer, tokens, weights)
    plain, own = (
        1e3 * min(times) for times in zip(*[map(seconds, actions) for _ in range(chosen.rounds + 1)], strict=True)
    )
    bar = bars[WIDTHS.index(width)] if bars else None
    return {
        "layer": said(name, layer_options),
        "width": width,
        "plain ms": plain,
        "ms": own,
        "ratio": own / plain,
        "bar": "" if bar is None else bar,
        "within": "" if bar is None else "yes" if own <= SLACK * bar * plain else "no",
    }


@torch.no_grad()
def carried(layer, tokens, asked):
    """The state after all tokens, shown one at a time, and the last outputs, both in float64."""
    state, outputs = None, []
    for position in range(tokens.shape[1]):
        output, state = layer.run(tokens[:, position : position + 1], state)
        outputs.append(output)
    return state.double(), torch.cat(outputs[-asked:], dim=1).double()


def drift(name, layer_options, chosen):
    count, width = (16, 8) if chosen.tiny else (4096, 32)
    layer = made(name, width, layer_options)
    tokens = torch.randn(2, count, width, dtype=torch.float64)
    asked = min(64, count)
    exact = carried(copy.deepcopy(layer).double(), tokens, asked)
    row = {"layer": said(name, layer_options)}
    for dtype, word in ((torch.float32, "float32"), (torch.bfloat16, "bfloat16")):
        rounded = copy.deepcopy(layer).to(dtype).double()  # the error of rounded weights is none of the state's
        exact = carried(rounded, tokens.to(dtype).double(), asked)
        found = carried(copy.deepcopy(layer).to(dtype), tokens.to(dtype), asked)
        for part, ours, right in zip(("state", "outputs"), found, exact, strict=True):
            row[f"{word} {part}"] = float((ours - right).norm() / right.norm())
    return row


def main(arguments=None):
    parser = options(__doc__.splitlines()[0], rounds=40)
    parser.add_argument("--only", default="", help="layers whose name has this in it")
    parser.add_argument("--drift", action="store_true", help="measure the drift instead of times")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    cases = [case for case in [*CASES, ("short-conv", {}, (0.18, 0.23))] if chosen.only in said(*case[:2])]
    if chosen.drift:
        kept = {"attention", "alibi", "hard-alibi", "short-conv"}  # whose state is all tokens
        rows = [drift(name, layer_options, chosen) for name, layer_options, _ in cases if name not in kept]
        title = "Relative error of state and outputs after 4,096 tokens, one at a time, against float64"
    else:
        rows = [timed(*case, width, chosen) for case in cases for width in WIDTHS]
        title = f"Forward and backward, batch {BATCH}, {LENGTH} tokens; ratios to plain attention in the same rounds"
    show(title, rows)
    keep("layers", rows, chosen.json)


if __name__ == "__main__":
    main()
