"""What the query token's party has to send so that the other one can finish the network's forward pass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeGuard, TypeVar

import torch
from torch import Tensor, nn

from assay.examine.protocols.averaging import all_but_token, asking_inputs, column, only_token
from assay.examine.protocols.protocol import Runner
from assay.examine.subject import InHalves
from assay.models.bare import SCORES_AT_ONCE, BareUnit
from assay.tasks.sparse_averaging import SparseAveraging, SparseAveragingInputs

Network = TypeVar("Network", bound=InHalves)


class TokenMessage(ABC, Generic[Network]):
    """What one token tells, of which the rest of the forward pass depends.

    Attributes:
        what: in words.
        count: numbers in it.
    """

    what: str
    count: int

    def __init__(self, runner: Runner, network: Network, task: SparseAveraging, token: int) -> None:
        self.runner, self.network, self.task, self.token = runner, network, task, token
        values = torch.zeros(1, task.length, task.dimension, dtype=runner.dtype)
        example = asking_inputs(task, values, torch.arange(task.sparsity).unsqueeze(0), token)
        self.count = self.tell(example).shape[1]

    def tell(self, inputs: SparseAveragingInputs) -> Tensor:
        """Alice's messages (batch, count), from the token's own part of the inputs."""
        view = only_token(self.task, inputs, self.token)
        return self._told(self.runner(self.network.embedded, view))

    def answer(self, inputs: SparseAveragingInputs, message: Tensor) -> Tensor:
        """The token's answers (batch, d), from all of the inputs but the token's part, and the messages."""
        view = all_but_token(self.task, inputs, self.token)
        embedded = self.runner(self.network.embedded, view).clone()
        return self._answered(embedded, message)[:, column(self.task, self.token)]

    @abstractmethod
    def _told(self, embedded: Tensor) -> Tensor:
        """Messages from embedded tokens, of which all but the token's own are useless."""

    @abstractmethod
    def _answered(self, embedded: Tensor, message: Tensor) -> Tensor:
        """Answers of all query tokens, of which that token's is right."""


class Embedding(TokenMessage[InHalves]):
    """The token's embedding, m numbers: all that others can get to know of it, in any number of layers and heads."""

    what = "the query token's embedding"

    def _told(self, embedded: Tensor) -> Tensor:
        return embedded[:, self._places(embedded)[0]]

    def _answered(self, embedded: Tensor, message: Tensor) -> Tensor:
        embedded[:, self._places(embedded)] = message.unsqueeze(1)
        return self.runner(self.network.answers, embedded)

    def _places(self, embedded: Tensor) -> list[int]:
        """Where the token stands, counted from the end: a sink token may be in front, the sequence shown twice."""
        passes = getattr(self.network, "passes", 1)
        once = embedded.shape[1] // passes
        return [turn * once + once - (self.task.spec.length - self.token) for turn in range(passes)]


class HeadParts(TokenMessage[BareUnit]):
    """For each head of one bare layer the token's query, its score with itself and its own value.

    H (score width + 1 + output width) numbers. The last two are needed because the token also attends to itself.
    """

    what = "each head's query, score with itself and own value of the query token"

    def _told(self, embedded: Tensor) -> Tensor:
        queries, keys, values = self.runner(_projections, self.network, embedded)
        scores = self.runner(_scores, self.network, queries, keys)
        asking, place = column(self.task, self.token), self.token - self.task.spec.length
        own = (queries[:, :, asking], scores[:, :, asking, place, None], values[:, :, place])
        return torch.cat(own, dim=2).flatten(1)

    def _answered(self, embedded: Tensor, message: Tensor) -> Tensor:
        queries, keys, values = self.runner(_projections, self.network, embedded)
        asking, place = column(self.task, self.token), self.token - self.task.spec.length
        sizes = [queries.shape[3], 1, values.shape[3]]
        query, score, value = message.unflatten(1, (queries.shape[1], -1)).split(sizes, dim=2)
        queries[:, :, asking] = query
        values[:, :, place] = value
        scores = self.runner(_scores, self.network, queries, keys)
        scores[:, :, asking, place] = score.squeeze(2)
        return self.runner(_finish, self.network, scores, values)


def _projections(network: BareUnit, embedded: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Queries of the query tokens, keys and values of all: (batch, heads, tokens, width)."""
    tokens = embedded.unsqueeze(1)
    asking = embedded[:, -network.query_count :].unsqueeze(1)
    return (
        network.rounded(asking @ network.rounded(network.query)),
        network.rounded(tokens @ network.rounded(network.key)),
        network.rounded(tokens @ network.rounded(network.value)),
    )


def _scores(network: BareUnit, queries: Tensor, keys: Tensor) -> Tensor:
    return network.rounded(queries @ keys.transpose(-1, -2))


def _finish(network: BareUnit, scores: Tensor, values: Tensor) -> Tensor:
    """Answers from scores and values, as `BareUnit.answers` has them."""
    weights = network.rounded(torch.softmax(scores, dim=-1))
    return network.rounded(network.read(network.rounded(network.rounded(weights @ values).sum(dim=1))))


def _is_one_bare_layer(network: nn.Module) -> TypeGuard[BareUnit]:
    return isinstance(network, BareUnit) and type(network).answers is BareUnit.answers


def token_messages(runner: Runner, task: SparseAveraging, token: int) -> list[TokenMessage]:
    """All messages that serve, the shortest first; any network's embedding does."""
    network = runner.subject.network
    assert isinstance(network, InHalves)
    found: list[TokenMessage] = [Embedding(runner, network, task, token)]
    if _is_one_bare_layer(network) and len(network.query) * task.spec.length * task.spec.queries <= SCORES_AT_ONCE:
        found.append(HeadParts(runner, network, task, token))
    return sorted(found, key=lambda message: message.count)
