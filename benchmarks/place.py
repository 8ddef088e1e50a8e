"""How long a layer's battery takes, in units of a plain training loop, and how much of that is training.

    python -m benchmarks.place [--layer delta-net] [--quick] [--workers 2]

A unit is 1,000 steps of a hand-written loop on one thread: one block of attention of width 16 with an MLP, 16 tokens,
batches of 64, examples drawn beforehand, torch's default Adam. Prints the unit, the battery's wall-clock time on so
many workers with an empty ledger, their ratio, and that time on all workers over the processor time of its runs.
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch
from torch import nn

from assay.sessions.place import place
from assay.store.ledger import LEDGER, Ledger

WIDTH, TOKENS, BATCH, SYMBOLS = 16, 16, 64, 32


class Plain(nn.Module):
    """Embedding, causal attention and an MLP with norms and residuals, read out at every token."""

    def __init__(self):
        super().__init__()
        self.embed, self.readout = nn.Embedding(SYMBOLS, WIDTH), nn.Linear(WIDTH, SYMBOLS)
        self.q, self.k, self.v, self.o = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(3))
        self.register_buffer("later", torch.ones(TOKENS, TOKENS, dtype=torch.bool).triu(1))

    def forward(self, symbols):
        x = self.embed(symbols)
        seen = self.norms[0](x)
        scores = self.q(seen) @ self.k(seen).mT * WIDTH**-0.5
        x = x + self.o(scores.masked_fill(self.later, -torch.inf).softmax(-1) @ self.v(seen))
        return self.readout(self.norms[2](x + self.mlp(self.norms[1](x))))


def unit(steps=1000):
    """Seconds of `steps` steps, in the time of 1,000."""
    torch.manual_seed(0)
    model, loss = Plain(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    symbols = torch.randint(SYMBOLS, (BATCH, TOKENS))
    begin = time.perf_counter()
    for _ in range(steps):
        optimizer.zero_grad()
        loss(model(symbols).flatten(0, 1), symbols.flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return (time.perf_counter() - begin) * 1000 / steps


def main(arguments=None):
    """Time a unit before and after the battery, and the battery."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layer", default="delta-net")
    parser.add_argument("--on", default="", help="rows, separated by commas; all unless given")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--steps", type=int, default=1000, help="of a unit")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    before = unit(given.steps)
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        on = [name for name in given.on.split(",") if name]
        card = place(given.layer, quick=given.quick, on=on, out=folder, workers=given.workers, hours=100)
        taken = time.perf_counter() - begin
        with Ledger(Path(folder) / LEDGER) as ledger:
            runs = [piece for piece in ledger if piece.source == "training"]
    after = unit(given.steps)
    seconds, middle = sum(run.seconds for run in runs), (before + after) / 2
    print(
        f"unit {middle:.2f} s ({before:.2f} before, {after:.2f} after); {given.layer}"
        f"{', quick' * given.quick}: {taken:.0f} s on {given.workers} workers, {len(runs)} runs, "
        f"{taken / middle:.0f} units; {given.workers * taken / seconds:.2f} times the processor time of its runs"
    )
    print(card.headline)


if __name__ == "__main__":
    main()
