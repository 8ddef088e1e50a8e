"""Match3 decides set disjointness: what the heads of one layer tell of half the tokens (Theorem 7)"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from assay.arithmetic.fixed_point import FixedPoint
from assay.examine.protocols import PROTOCOLS, disjointness
from assay.examine.protocols.averaging import collisions, finite
from assay.examine.protocols.channel import Channel
from assay.examine.protocols.disjointness import bit_pairs
from assay.examine.protocols.head_summary import Layer, combine, layer_of
from assay.examine.protocols.protocol import Outcome, Protocol, Witness, difference, largest
from assay.examine.subject import Subject
from assay.tasks.match3 import Match3

_NUMBERS_AT_ONCE = 1 << 22


@PROTOCOLS.register
class Match3Messages(Protocol):
    """Both parties know token 0, and with it its query in each head; each holds half of the other tokens.

    By the encoding of `Match3.hard_residues` token 0 finds two partners where two strings of n = (N - 1)/2 bits,
    rounded down, intersect. Alice sends for each head log Z, Z the sum of exp(score) over her tokens, and her mean
    value; Bob combines them with his own and finishes the forward pass. Deciding it takes n bits. (Theorem 7 of
    Sanford, Hsu, Telgarsky, NeurIPS 2023; see `assay.bounds.match3_messages`.)

    The network computes in its own arithmetic; the format, if one is given, is that of the messages. An error of
    dlog in log Z and dmean in the mean moves a head's output by at most |dlog|/4 |mean_A - mean_B| + |dmean|.

    Where 4^n pairs of strings are at most as many as the instances asked for, all are run. Cost: about two forward
    passes an instance.
    """

    name: ClassVar[str] = "match3"
    source: ClassVar[str] = "set disjointness of (N - 1)/2 bits, rounded down, takes as many bits (Theorem 7)"

    def unmet(self, subject: Subject) -> str:
        """Match3 with room for the encoding, and one layer of attention."""
        if not isinstance(subject.task, Match3):
            return "the task match3"
        layer = layer_of(subject.network)
        return layer if isinstance(layer, str) else subject.task.hard_unmet()

    def play(self, subject: Subject, numbers: FixedPoint | None, instances: int, seed: int) -> Outcome:
        """The split layer on all or many pairs of strings."""
        task = subject.task_as(Match3)
        layer = layer_of(subject.network)
        assert isinstance(layer, Layer)
        alice, bob, exhaustive = bit_pairs(task.hard_bits(), instances, seed)
        meet = (alice & bob).any(dim=1)
        played = _played(task, layer, numbers, alice, bob)
        refused = played.answers.isnan()
        wrong = ((played.answers > 0.5) != meet) | refused
        pairs, distinct_messages = collisions(played.packed, alice)
        witness = None
        if len(pairs):
            witness = _confuse(task, layer, numbers, alice[torch.from_numpy(pairs[0])])
        how = f"all {len(alice)} pairs of strings" if exhaustive else f"{len(alice)} random pairs, seed {seed}"
        return Outcome(
            protocol=self.name,
            source=self.source,
            parties={
                "Alice": f"tokens 0 to {task.hard_bits()}",
                "Bob": f"token 0 and tokens {task.hard_bits() + 1} to {task.length - 1}",
            },
            resource="bits of head messages",
            needed=task.hard_bits(),
            available=sum(message.bits for message in played.sent),
            justification=f"{how}; messages: {numbers or 'as the network computes'}",
            sent=played.sent,
            wrong=int(wrong.sum()),
            runs=len(alice),
            baselines={"always intersect": int((~meet).sum()), "always disjoint": int(meet.sum())},
            messages=distinct_messages,
            messages_of=len(torch.unique(alice, dim=0)),
            differs=None if refused.all() else played.differs,
            largest_error=played.largest_error,
            witness=witness,
            more={
                "refused": int(refused.sum()),
                "largest_change_of_a_head": played.moved,
                "largest_change_by_the_inequality": played.moved_at_most,
            },
        )


def alice_tells(task: Match3, layer: Layer, alice: Tensor) -> tuple[Tensor, Tensor]:
    """log Z and mean of each head over Alice's tokens, from strings (batch, n) alone."""
    residues = _residues(task, alice, torch.zeros_like(alice))
    embedded = layer.network.embedded(residues)[:, -task.length :]
    return layer.summary(embedded[:, :1], embedded[:, 1 : task.hard_bits() + 1])


def bob_finds(task: Match3, layer: Layer, bob: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Token 0, embedded, and log Z and mean over Bob's tokens, token 0 and a sink token, if there is one."""
    embedded = layer.network.embedded(_residues(task, torch.zeros_like(bob), bob))
    first = embedded.shape[1] - task.length
    rest = torch.cat([embedded[:, : first + 1], embedded[:, first + 1 + task.hard_bits() :]], dim=1)
    asking = embedded[:, first : first + 1]
    return asking, layer.summary(asking, rest)


def _residues(task: Match3, alice: Tensor, bob: Tensor) -> Tensor:
    return torch.from_numpy(task.hard_residues(alice.numpy(), bob.numpy()))


def _message(told: tuple[Tensor, Tensor]) -> Tensor:
    """(batch, heads * (1 + v)), each head's log Z and then its mean."""
    return torch.cat(told, dim=3).flatten(1)


def _received(message: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """log Z and means again, with means shaped as `like`."""
    both = message.view(*like.shape[:3], -1)
    return both[..., :1], both[..., 1:]


@dataclass(frozen=True)
class Played(disjointness.Played):
    """All runs.

    Attributes:
        moved: the largest change of a head's output by the format of messages.
        moved_at_most: the same by the inequality.
    """

    moved: float
    moved_at_most: float


def _played(task: Match3, layer: Layer, numbers: FixedPoint | None, alice: Tensor, bob: Tensor) -> Played:
    """The split layer on all strings, and the whole network beside it."""
    rows = max(1, min(1024, _NUMBERS_AT_ONCE // task.length**3))
    answers, packed, sent = [], [], ()
    differs = error = moved = at_most = 0.0
    for a, b in zip(alice.split(rows), bob.split(rows), strict=True):
        channel = Channel(numbers)
        told = alice_tells(task, layer, a)
        arrived = _received(channel.send("Alice", "each head's log Z and mean", _message(told)), told[1])
        asking, own = bob_finds(task, layer, b)
        heads, exact = combine(arrived, own), combine(told, own)
        answers.append(layer.answer(asking, heads))
        packed.append(channel.pack(_message(told)))
        residues = _residues(task, a, b)
        whole = layer.network(residues)
        allowed = (arrived[0] - told[0]).abs() / 4 * _norm(told[1] - own[1]) + _norm(arrived[1] - told[1])
        differs = max(differs, difference(answers[-1], whole[:, 0].where(~answers[-1].isnan(), answers[-1])))
        error = max(error, largest(task.answer.errors(whole, task.targets(residues))[:, 0]))
        moved, at_most = max(moved, _norm(heads - exact).max().item()), max(at_most, allowed.max().item())
        sent = tuple(channel.sent)
    return Played(torch.cat(answers), np.concatenate(packed), differs, error, sent, moved, at_most)


def _norm(means: Tensor) -> Tensor:
    return torch.linalg.vector_norm(means, dim=3, keepdim=True)


def _confuse(task: Match3, layer: Layer, numbers: FixedPoint | None, alice: Tensor) -> Witness:
    """What Bob decides on two of Alice's strings (2, n) with one message, and a string of his that tells them apart."""
    place = int((alice[0] != alice[1]).nonzero()[0])
    bob = torch.zeros_like(alice)
    bob[:, place] = 1
    told = alice_tells(task, layer, alice)
    arrived = _received(Channel(numbers).send("Alice", "", _message(told)), told[1])
    asking, own = bob_finds(task, layer, bob)
    answers = layer.answer(asking, combine(arrived, own)).double().clamp(0, 1)
    targets = (alice & bob).any(dim=1).double()
    residues = _residues(task, alice, bob).tolist()
    return Witness(
        first={"residues": residues[0]},
        second={"residues": residues[1]},
        same="Alice's message",
        token=0,
        targets=targets.tolist(),
        answers=finite(answers),
        error=largest((answers - targets).abs()),
        at_least=0.5,
    )
