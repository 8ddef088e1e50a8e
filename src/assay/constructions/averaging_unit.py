"""Shared by the constructions that solve sparse averaging with one bare attention unit."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from assay.arithmetic.torch_settings import differentiated, dtype_name
from assay.constructions.certificate import Certificate
from assay.constructions.construction import Construction
from assay.constructions.settings import FLOAT_DTYPE, NOT_NEGATIVE, WHOLE, Setting
from assay.constructions.softmax_bound import UNIT_ROUNDOFF, guaranteed_error
from assay.models.bare import BareUnit, Blocks
from assay.models.structured.tiles import LONG, shifted_attention
from assay.sizes import Size
from assay.tasks.sparse_averaging import SparseAveraging, SparseAveragingInputs


class AveragingUnit(BareUnit[SparseAveragingInputs], Construction[SparseAveraging]):
    """One bare unit whose embedding has a data, a key and a query block; Q, K and V pick a block each.

    Keys depend on the position only, queries on the pointers only and are computed in the forward pass, for whatever
    pointers come. `last` layouts have one key more than there are values, for the query token itself.

    Attributes:
        task: what it computes.
        tolerance: the error that was asked for when it was built.
        temperature: factor on the scores, carried by Q.
        dtype: of the forward pass; inputs are cast to it.
        settings: the other arguments of the constructor, as JSON values.
        keys: buffer (positions, score width): the keys.
    """

    model: ClassVar[str] = "bare-attention"
    method: ClassVar[str]
    declares: ClassVar[dict[str, Setting]] = {
        **Construction.declares,
        "score_width": WHOLE,
        "temperature": NOT_NEGATIVE,
        "dtype": FLOAT_DTYPE,
    }
    keys: Tensor

    def __init__(
        self,
        task: SparseAveraging,
        score_width: int,
        tolerance: float,
        temperature: float,
        dtype: str,
        **more: object,
    ) -> None:
        super().__init__()
        self.task, self.tolerance, self.temperature = task, tolerance, temperature
        self.dtype: torch.dtype = getattr(torch, dtype)
        self.settings = {
            "score_width": score_width,
            "tolerance": tolerance,
            "temperature": temperature,
            "dtype": dtype,
            **more,
        }
        self.blocks = Blocks({"data": task.dimension, "key": score_width, "query": score_width})
        self.register_buffer("keys", torch.zeros(task.spec.length, score_width, dtype=self.dtype))
        pick = {name: self.blocks.selector(name, self.dtype).unsqueeze(0) for name in self.blocks.widths}
        self.set_weights(temperature * pick["query"], pick["key"], pick["data"])

    @property
    def query_count(self) -> int:
        return self.task.spec.queries

    @property
    def size(self) -> Size:
        """Width m = d + 2 * score width, one head, one layer."""
        return Size(
            width=self.blocks.width,
            precision=torch.finfo(self.dtype).bits,
            score_width=self.keys.shape[1],
            parameters=sum(buffer.numel() for buffer in self.buffers()),
        )

    def queries(self, pointers: Tensor) -> Tensor:
        """Queries of pointer sets (rows, q): shape (rows, score width)."""
        raise NotImplementedError

    def position_keys(self) -> Tensor:
        """The keys, float64 (positions, score width): what adversarial pointers are picked against."""
        return self.keys.double()

    def embed(self, inputs: SparseAveragingInputs) -> Tensor:
        """phi: value, key of the position, query of the pointers; shape (batch, positions, m)."""
        values, pointers = inputs
        batch = values.shape[0]
        embedded = torch.zeros(batch, self.task.spec.length, self.blocks.width, dtype=self.dtype)
        embedded[:, : self.task.length, self.blocks["data"]] = values.to(self.dtype)
        embedded[:, :, self.blocks["key"]] = self.keys
        queries = self.queries(pointers.flatten(0, 1)).view(batch, self.query_count, -1)
        embedded[:, -self.query_count :, self.blocks["query"]] = queries.to(self.dtype)
        return embedded

    def numbers_at_work(self) -> int:
        """Embeddings, and scores where these are not formed in tiles."""
        if self.task.spec.length >= LONG:
            return self.task.spec.length * 2 * self.size.width
        return super().numbers_at_work()

    def forward(self, inputs: SparseAveragingInputs) -> Tensor:
        """Outputs of the query tokens, (batch, queries, d). Time O(queries * positions * m).

        From LONG positions on, but for derivatives, memory is O(positions * m): exponentials are taken of scores less
        the score of the first pointer, instead of the largest. Scores on the set lie within the certificate's spread of
        each other and all others below, so that what the differences and the sums in tiles round is what the
        certificate allows for.
        """
        if self.numbers is not None or self.task.spec.length < LONG or differentiated(inputs.values):
            return super().forward(inputs)
        embedded = self.embed(inputs)
        queries, keys = embedded[:, -self.query_count :] @ self.query[0], embedded @ self.key[0]
        values = embedded @ self.value[0]
        of_first = inputs[1][:, :, :1].expand(-1, -1, keys.shape[2])
        shifts = (queries * keys.gather(1, of_first)).sum(dim=2)
        return shifted_attention(queries, keys, values, shifts)

    def certify(self, gap: float, spread: float, justification: str) -> Certificate:
        """The certificate that scores with this gap and spread (after temperature and rounding) give."""
        roundoff = UNIT_ROUNDOFF[self.dtype]
        return Certificate(
            method=self.method,
            guaranteed_error=guaranteed_error(self.task.sparsity, self.task.spec.length, gap, spread, roundoff),
            justification=justification,
            size=self.size,
            dtype=dtype_name(self.dtype),
            temperature=self.temperature,
        )
