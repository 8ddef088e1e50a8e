"""A certificate: what a construction guarantees, for which inputs, in which arithmetic."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from assay.sizes import Size


@dataclass(frozen=True)
class Certificate:
    """The guarantee that comes with explicit weights.

    Attributes:
        method: the construction's name.
        guaranteed_error: largest error of any answer the network returns, over all inputs (for sparse averaging: in the
            unit ball), rounding included.
        justification: the proof, in words.
        size: of the network that was built.
        dtype: arithmetic of the forward pass.
        temperature: factor that the softmax's scores carry; 0 where there is no softmax.
    """

    method: str
    guaranteed_error: float
    justification: str
    size: Size
    dtype: str
    temperature: float = 0.0

    def to_json(self) -> dict[str, object]:
        """The certificate as plain JSON values, the size's main numbers beside the rest."""
        fields = asdict(self)
        size = fields.pop("size")
        return {
            "method": self.method,
            "width": size["width"],
            "score_width": size["score_width"],
            "heads": size["heads"],
            "depth": size["depth"],
            "bits": size["precision"],
            **{name: value for name, value in fields.items() if name != "method"},
            "size": size,
        }
