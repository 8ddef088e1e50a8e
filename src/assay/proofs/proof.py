"""What a proof is made from, and what it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic

import torch
from torch import Tensor

from assay.arithmetic.rounding import finite
from assay.arithmetic.torch_settings import in_float32
from assay.constructions import CONSTRUCTIONS
from assay.errors import AssayError, unknown
from assay.evidence import canonical
from assay.frames import Framed
from assay.proofs import PROOFS
from assay.schema import Json
from assay.tasks import Solved

if TYPE_CHECKING:
    from assay.constructions.construction import Construction

EVERY_SET = 1_000_000  # pointer sets that are enumerated; more are left to a proof that does not enumerate


@dataclass(frozen=True)
class Stored(Generic[Solved]):
    """A construction as a weights file holds it.

    Attributes:
        method: the construction's name.
        task: with its parameters.
        settings: the other numbers that its forward pass uses, as JSON values.
        tensors: its buffers, by name.
        tell: takes lines about what will take long.
    """

    method: str
    task: Solved
    settings: Mapping[str, object]
    tensors: dict[str, Tensor]
    tell: Callable[[str], None] = lambda _: None

    @classmethod
    def read(cls, path: str | Path, tell: Callable[[str], None] = lambda _: None) -> Stored:
        """From a safetensors file.

        Raises:
            AssayError: see `assay.constructions.weights_file.read_parts`; or a method that nobody has a proof for.
        """
        from assay.constructions.weights_file import read_parts

        parts = read_parts(path)
        stored = cls(parts.method, parts.task, parts.settings, parts.tensors, tell)
        _require_proof(stored.method)
        return stored

    @classmethod
    def of(cls, network: Construction, tell: Callable[[str], None] = lambda _: None) -> Stored:
        """As a file would hold it.

        Raises:
            AssayError: weights that are not those it was given.
        """
        network.require_own_weights()
        method = CONSTRUCTIONS.name_of(type(network))  # a class derived from a construction may compute something else
        return cls(method, network.task, dict(network.settings), dict(network.state_dict()), tell)

    def check_settings(self) -> None:
        """Refuse settings that the construction does not declare.

        Raises:
            AssayError: it names the first.
        """
        CONSTRUCTIONS[self.method].check_settings(self.settings)

    @property
    def dtype(self) -> torch.dtype:
        """The arithmetic of the forward pass that the settings name."""
        return {"float32": torch.float32, "float64": torch.float64}[self.text("dtype")]

    def number(self, name: str) -> float:
        """A setting that is a finite number."""
        return finite(self.settings[name])

    def text(self, name: str) -> str:
        """A setting that is a text."""
        return str(self.settings[name])

    def require_tensors(self, expected: dict[str, Tensor]) -> None:
        """Refuse weights with a number that is not equal to these, others beside them, or one that lacks.

        Raises:
            AssayError: it names the tensor and the first entry that differs.
        """
        if set(expected) != set(self.tensors):
            raise AssayError(f"tensors {sorted(self.tensors)} are stored; the proof is about {sorted(expected)}")
        for name, wanted in expected.items():
            found = self.tensors[name]
            if found.dtype != wanted.dtype or found.shape != wanted.shape:
                raise AssayError(
                    f"{name} is stored as {found.dtype} {tuple(found.shape)}; it must be {wanted.dtype} "
                    f"{tuple(wanted.shape)}"
                )
            if not torch.equal(found, wanted):
                where = tuple((~(found == wanted)).nonzero()[0].tolist())
                raise AssayError(f"{name}{list(where)} is {found[where].item()!r}; it must be {wanted[where].item()!r}")


@dataclass(frozen=True)
class Step:
    """One step of a proof, which was checked.

    Attributes:
        statement: what holds.
        how: checked over how many cases, or by which inequality, in which arithmetic.
    """

    statement: str
    how: str


@dataclass(frozen=True, repr=False)
class Proof(Framed):
    """A guarantee for all inputs, and the steps that it rests on.

    Attributes:
        method: the construction's name.
        task: name and parameters.
        guaranteed_error: largest error of any answer that the network returns, rounding of the forward pass included.
        arithmetic: of the forward pass.
        steps: in order.
        assumes: what the arithmetic of the machine is trusted with.
        refuses: whether the network gives no answer to inputs that it finds no certificate for.
    """

    method: str
    task: Mapping[str, object]
    guaranteed_error: float
    arithmetic: str
    steps: tuple[Step, ...]
    assumes: tuple[str, ...]
    refuses: bool = False

    @property
    def line(self) -> str:
        """The guarantee."""
        which = "every answer that it gives" if self.refuses else "every answer"
        return (
            f"{self.method} on {self.task['name']}: {which} errs by at most {self.guaranteed_error:.4g}, in "
            f"{self.arithmetic}; {len(self.steps)} steps"
        )

    def rows(self) -> Iterable[object]:
        """A row for each step."""
        return self.steps

    def to_json(self) -> Json:
        """Plain JSON values."""
        return json.loads(canonical(asdict(self)))


@in_float32()
def prove(stored: Stored) -> Proof:
    """The proof for what a file holds.

    Raises:
        AssayError: a method nobody has a proof for, or weights that do not have the property it needs.
    """
    _require_proof(stored.method)
    return PROOFS[stored.method](stored)


def _require_proof(method: str) -> None:
    if method not in PROOFS:
        raise unknown("proof", method, PROOFS.names())


def require_fact(holds: object, statement: str) -> None:
    """Refuse unless a comparison was decided in favour.

    Raises:
        AssayError: it says what could not be shown.
    """
    if holds is not True:
        raise AssayError(f"not proved: {statement}")
