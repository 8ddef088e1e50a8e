"""Cycle detection in layers: two parties exchange their nodes' states before each one, and decide set disjointness"""

from __future__ import annotations

from itertools import product
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from assay.arithmetic.fixed_point import FixedPoint
from assay.examine.protocols import PROTOCOLS
from assay.examine.protocols.channel import Channel
from assay.examine.protocols.protocol import Outcome, Protocol, Runner, difference, largest
from assay.examine.subject import Subject
from assay.models.graph import GraphNetwork
from assay.tasks import counter
from assay.tasks.graphs import CycleTask

POISON = -99  # stands in the rows that a party does not hold
_AT_ONCE = 64  # graphs


@PROTOCOLS.register
class Cycles(Protocol):
    """Alice holds the rows of some nodes, Bob of others, and the rest is known: a cycle tells whether bits meet.

    In each layer a party computes the new states of its own and of the known nodes from their rows, never from the
    other's, and from everybody's states; so before each layer the parties tell each other their nodes' states. That is
    at most (nodes of both) m p bits a layer, D times, and disjointness of n^2 bits takes n^2 of them: m p D >= n / 2
    for directed triangles (n = N / 3) and n / 4 for five-cycles (n = N / 5), whatever the number of heads. Every cycle
    passes nodes of Alice, whose answers she has at the end.

    (Sanford, Hsu, Telgarsky, NeurIPS 2023, appendix on graphs.)
    """

    name: ClassVar[str] = "cycles"
    source: ClassVar[str] = (
        "set disjointness of n^2 bits, layer by layer: m p D >= n/2 (triangles, n = N/3), n/4 (five-cycles, n = N/5)"
    )

    def unmet(self, subject: Subject) -> str:
        """A cycle task with room for a gadget, and a network in layers."""
        if not isinstance(subject.task, CycleTask):
            return "the task directed-triangle or five-cycle"
        if not isinstance(subject.network, GraphNetwork):
            return "an assay.models.graph.GraphNetwork, whose layers can be computed for some of the nodes"
        return subject.task.lacks("hard")

    def play(self, subject: Subject, numbers: FixedPoint | None, instances: int, seed: int) -> Outcome:
        """The split network on all pairs of bit matrices, if they are few, and the whole network beside it."""
        task, network, runner = subject.task_as(CycleTask), subject.network, Runner(subject, numbers)
        assert isinstance(network, GraphNetwork)
        alice, bob, exhaustive = _bits(task, instances, seed)
        channel = Channel(runner.format)
        told, whole = [], []
        for first in range(0, len(alice), _AT_ONCE):
            channel = Channel(channel.numbers)
            graphs = torch.from_numpy(task.graph(alice[first : first + _AT_ONCE], bob[first : first + _AT_ONCE]))
            told.append(runner(_split, network, task, graphs, channel))
            whole.append(runner.whole(graphs)[:, list(task.gadget().alice)])
        answers, together = torch.cat(told), torch.cat(whole)
        meets = torch.from_numpy((alice & bob).any(axis=(1, 2)))
        wrong = ((answers > 0.5).any(dim=1) != meets) | answers.isnan().any(dim=1)
        n = task.side
        return Outcome(
            protocol=self.name,
            source=self.source,
            parties={
                "Alice": f"rows of {len(task.gadget().alice)} nodes, which hold {n * n} bits",
                "Bob": f"rows of {len(task.gadget().bob)} nodes, which hold {n * n} bits",
                "both": f"rows of the other {len(task.gadget().fixed)} nodes, which are the same in all instances",
            },
            resource="bits of states",
            needed=n * n,
            available=channel.bits,
            justification=f"{'all' if exhaustive else 'random'} {len(alice)} pairs of {n} x {n} bit matrices, the "
            f"other party's rows poisoned with {POISON}; {runner.arithmetic}",
            sent=tuple(channel.sent),
            wrong=int(wrong.sum()),
            runs=len(alice),
            baselines={"always a cycle": int((~meets).sum()), "never a cycle": int(meets.sum())},
            differs=difference(answers, together),
            largest_error=largest((answers.clamp(0, 1).amax(dim=1) - meets.double()).abs()),
            more={"layers": network.depth},
        )


def _split(network: GraphNetwork, task: CycleTask, graphs: Tensor, channel: Channel) -> Tensor:
    """Answers of Alice's nodes, each party computing from its own and the known rows: (batch, Alice's nodes)."""
    gadget = task.gadget()
    held = {"Alice": gadget.alice, "Bob": gadget.bob}
    known = {party: torch.tensor([*nodes, *gadget.fixed]) for party, nodes in held.items()}
    rows = {party: _only(graphs, nodes) for party, nodes in known.items()}
    states = {party: network.start(rows[party][:, nodes], nodes) for party, nodes in known.items()}
    for index in range(network.depth):
        sent = {
            party: channel.send(party, f"states before layer {index + 1}", states[party][:, : len(nodes)].flatten(1))
            for party, nodes in held.items()
        }
        after = {}
        for party, other in (("Alice", "Bob"), ("Bob", "Alice")):
            everybody = states[party].new_full((len(graphs), task.length, states[party].shape[2]), torch.nan)
            everybody[:, known[party]] = states[party]
            everybody[:, list(held[other])] = sent[other].unflatten(1, (len(held[other]), -1)).to(everybody.dtype)
            after[party] = network.layer(index, rows[party][:, known[party]], known[party], everybody)
        states = after
    mine = torch.tensor(gadget.alice)
    return network.answers(rows["Alice"][:, mine], mine, states["Alice"][:, : len(mine)])


def _only(graphs: Tensor, nodes: Tensor) -> Tensor:
    """The graphs with all other rows poisoned."""
    held = torch.full_like(graphs, POISON)
    held[:, nodes] = graphs[:, nodes]
    return held


def _bits(task: CycleTask, instances: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64], bool]:
    """Bit matrices (pairs, n, n) of both parties: all pairs if they are at most `instances`."""
    n, bits = task.side, task.side**2
    if 2 * bits < 31 and 1 << 2 * bits <= instances:
        pairs = np.array(list(product((0, 1), repeat=2 * bits)), dtype=np.int64)
        return pairs[:, :bits].reshape(-1, n, n), pairs[:, bits:].reshape(-1, n, n), True
    words = counter.words(counter.example_keys(seed, "test", 0, instances), 0, 2 * bits + 1)
    alice, bob = counter.disjointness(words)
    return alice.reshape(-1, n, n), bob.reshape(-1, n, n), False
