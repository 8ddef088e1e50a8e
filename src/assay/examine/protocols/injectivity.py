"""Sparse averaging, sharper: the query token's message must differ for all pointer sets"""

from __future__ import annotations

from math import comb
from typing import ClassVar

import numpy as np
import torch

from assay.arithmetic.fixed_point import FixedPoint
from assay.bounds.bound import log2_binomial
from assay.examine.protocols import PROTOCOLS
from assay.examine.protocols.averaging import (
    asking_inputs,
    at_once,
    collisions,
    confuse,
    lacks_tokens,
    parties,
    pointer_sets,
)
from assay.examine.protocols.channel import Channel
from assay.examine.protocols.protocol import Outcome, Protocol, Runner
from assay.examine.protocols.token_message import token_messages
from assay.examine.subject import Subject
from assay.tasks.sparse_averaging import SparseAveraging

_MOST_CERTIFIED = 10_000  # collisions that the network is run on


@PROTOCOLS.register
class Injectivity(Protocol):
    """The last token's messages for all q-sets of the n other tokens, or for many: are any two the same?

    With equal messages for y and y' the network gives one answer for both, whatever the values. With value +1 on y but
    not y' and -1 elsewhere the exact answers are at least 2/q apart, so one of the two errs by at least 1/q. Each
    collision is certified by running the network on both inputs. So a network with an error below 1/q needs log2 C(n,
    q) bits, for any number of heads and layers. (Theorem 4 of Sanford, Hsu, Telgarsky, NeurIPS 2023, sharpened.)

    Where the sets are more than the instances asked for, so many random ones are compared. Cost: an embedding for each,
    a sort of the messages, and two forward passes for each collision, of which up to 10,000 are certified.
    """

    name: ClassVar[str] = "injectivity"
    version: ClassVar[int] = 2
    source: ClassVar[str] = "messages differ for all C(n, q) pointer sets (Theorem 4, sharpened)"

    def unmet(self, subject: Subject) -> str:
        """Sparse averaging with more than q other tokens, and a network that embeds tokens one by one."""
        missing, task = lacks_tokens(subject), subject.task
        if missing or not isinstance(task, SparseAveraging):
            return missing
        return "" if task.sparsity < task.others else "more than q tokens beside the query token"

    def play(self, subject: Subject, numbers: FixedPoint | None, instances: int, seed: int) -> Outcome:
        """Messages of all or many pointer sets, compared as bytes."""
        task, runner = subject.task_as(SparseAveraging), Runner(subject, numbers)
        token = task.spec.length - 1
        message = token_messages(runner, task, token)[0]
        sets, exhaustive = pointer_sets(task, task.others, instances, seed)
        packed, channel = [], Channel(numbers)
        for some in sets.split(at_once(task)):
            values = torch.zeros(len(some), task.length, task.dimension, dtype=runner.dtype)
            channel = Channel(numbers)
            told = message.tell(asking_inputs(task, values, some, token))
            channel.send("Alice", message.what, told)
            packed.append(channel.pack(told))
        pairs, distinct_messages = collisions(np.concatenate(packed), sets)
        witness, errors = None, None
        if len(pairs):
            first, second = (sets[torch.from_numpy(pairs[:_MOST_CERTIFIED, side])] for side in (0, 1))
            witness, errors = confuse(runner, task, token, first, second)
        among = comb(task.others, task.sparsity)
        how = f"all {among} pointer sets" if exhaustive else f"{len(sets)} random ones of {among} pointer sets"
        return Outcome(
            protocol=self.name,
            source=self.source,
            parties=parties(token),
            resource="message bits",
            needed=log2_binomial(task.others, task.sparsity),
            available=channel.bits,
            justification=f"{how}{'' if exhaustive else f', seed {seed}'}; {runner.arithmetic}",
            sent=tuple(channel.sent),
            messages=distinct_messages,
            messages_of=len(sets),
            largest_error=None if errors is None else errors.max().item(),
            witness=witness,
            more={
                "collisions": len(pairs),
                "certified": min(len(pairs), _MOST_CERTIFIED),
                "least_error_of_a_collision": None if errors is None else errors.min().item(),
                "least_error_by_the_theorem": 1 / task.sparsity,
            },
        )
