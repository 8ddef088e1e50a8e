"""Sparse averaging decides set disjointness: what the query token tells the others (Theorem 4)"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from assay.arithmetic.fixed_point import FixedPoint
from assay.examine.protocols import PROTOCOLS
from assay.examine.protocols.averaging import asking_inputs, at_once, collisions, column, confuse, lacks_tokens, parties
from assay.examine.protocols.channel import Channel, Sent
from assay.examine.protocols.protocol import Outcome, Protocol, Runner, difference, largest
from assay.examine.protocols.token_message import TokenMessage, token_messages
from assay.examine.subject import Subject
from assay.tasks import counter
from assay.tasks.sparse_averaging import SparseAveraging, SparseAveragingInputs


@PROTOCOLS.register
class Disjointness(Protocol):
    """Alice's q bits choose one token's pointers, Bob's q bits the values; the answer says whether they intersect.

    Slot 2i holds -e1 and slot 2i+1 holds +e1 where Bob's bit i is 1, else -e1; the query token points to slot
    2i + (Alice's bit i) for each i. So its answer is (-1 + 2 |a and b| / q) e1, and an error below 1/q decides whether
    it is above -1 + 1/q. Alice sends what the network lets others know of her token, Bob finishes the forward pass.
    Deciding it takes q bits. (Sanford, Hsu, Telgarsky, NeurIPS 2023, Theorem 4.)

    Where 4^q pairs of strings are at most as many as the instances asked for, all are run. Cost: about three forward
    passes an instance, one of them the whole network's, which the split one is compared with.
    """

    name: ClassVar[str] = "disjointness"
    source: ClassVar[str] = "set disjointness of q bits takes q bits (Theorem 4)"

    def unmet(self, subject: Subject) -> str:
        """Sparse averaging with room for the 2q slots, and a network that embeds tokens one by one."""
        return lacks_tokens(subject) or subject.task.lacks("hard")

    def play(self, subject: Subject, numbers: FixedPoint | None, instances: int, seed: int) -> Outcome:
        """The split network on all or many pairs of strings."""
        task, runner = subject.task_as(SparseAveraging), Runner(subject, numbers)
        token = 2 * task.sparsity if task.layout == "all" else task.length
        messages = token_messages(runner, task, token)
        alice, bob, exhaustive = bit_pairs(task.sparsity, instances, seed)
        played = _played(messages[0], alice, bob)
        meet = (alice & bob).any(dim=1)
        decided = played.answers[:, 0] > -1 + 1 / task.sparsity
        pairs, distinct_messages = collisions(played.packed, alice)
        witness = None
        if len(pairs):
            first, second = (_sets(alice[pairs[:1, side]]) for side in (0, 1))
            witness, _ = confuse(runner, task, token, first, second)
        how = f"all {len(alice)} pairs of strings" if exhaustive else f"{len(alice)} random pairs, seed {seed}"
        return Outcome(
            protocol=self.name,
            source=self.source,
            parties=parties(token),
            resource="message bits",
            needed=task.sparsity,
            available=sum(message.bits for message in played.sent),
            justification=f"{how}; {runner.arithmetic}",
            sent=played.sent,
            wrong=int(((decided != meet) | played.answers.isnan().any(dim=1)).sum()),
            runs=len(alice),
            baselines={"always intersect": int((~meet).sum()), "always disjoint": int(meet.sum())},
            messages=distinct_messages,
            messages_of=len(torch.unique(alice, dim=0)),
            differs=played.differs,
            largest_error=played.largest_error,
            witness=witness,
            more={"messages_that_serve": {message.what: message.count for message in messages}},
        )


def bit_pairs(bits: int, instances: int, seed: int) -> tuple[Tensor, Tensor, bool]:
    """Alice's and Bob's strings, int64 (pairs, bits): all 4^bits if at most `instances`, else random ones.

    Random pairs are disjoint half of the time and else meet in one place, where the answer is hardest.
    """
    if bits < 31 and 4**bits <= instances:
        codes = torch.arange(4**bits).unsqueeze(1) >> torch.arange(2 * bits) & 1
        return codes[:, :bits], codes[:, bits:], True
    words = counter.words(counter.example_keys(seed, "test", 0, instances), 0, 2 * bits + 1)
    alice, bob = counter.disjointness(words)
    return torch.from_numpy(alice), torch.from_numpy(bob), False


def instance(
    task: SparseAveraging, alice: Tensor, bob: Tensor, token: int, dtype: torch.dtype
) -> SparseAveragingInputs:
    """The inputs that stand for strings (batch, q)."""
    q = task.sparsity
    values = torch.zeros(len(alice), task.length, task.dimension, dtype=dtype)
    values[:, 0 : 2 * q : 2, 0] = -1.0
    values[:, 1 : 2 * q : 2, 0] = 2.0 * bob.to(dtype) - 1.0
    return asking_inputs(task, values, _sets(alice), token)


def _sets(alice: Tensor) -> Tensor:
    """Slots 2i + a_i."""
    return 2 * torch.arange(alice.shape[1]) + alice


@dataclass(frozen=True)
class Played:
    """All runs of a protocol in which Alice sends one message.

    Attributes:
        answers: (runs, ...).
        packed: messages as bytes.
        differs: largest difference from the whole network's answers.
        largest_error: of the whole network.
        sent: the messages of one run.
    """

    answers: Tensor
    packed: NDArray[np.uint8]
    differs: float
    largest_error: float
    sent: tuple[Sent, ...]


def _played(message: TokenMessage, alice: Tensor, bob: Tensor) -> Played:
    """The split network on all strings, and the whole one beside it."""
    runner, task, token = message.runner, message.task, message.token
    answers, packed, differs, errors, sent = [], [], 0.0, 0.0, ()
    for a, b in zip(alice.split(at_once(task)), bob.split(at_once(task)), strict=True):
        channel = Channel(runner.numbers)
        inputs = instance(task, a, b, token, runner.dtype)
        told = message.tell(inputs)
        packed.append(channel.pack(told))
        found = message.answer(inputs, channel.send("Alice", message.what, told))
        whole = runner.whole(inputs)[:, column(task, token)]
        exact = task.targets(inputs)[:, column(task, token)]
        answers.append(found)
        differs = max(differs, difference(found, whole))
        errors = max(errors, largest(torch.linalg.vector_norm(whole.double() - exact, dim=-1)))
        sent = tuple(channel.sent)
    return Played(torch.cat(answers), np.concatenate(packed), differs, errors, sent)
