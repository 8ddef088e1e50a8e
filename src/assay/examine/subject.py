"""A network to be examined: a file that Assay wrote, or a user's own module.

Whatever attacks, measures or splits a network takes it in this form and asks nothing about where it came from. What a
network can do beside answering, it says by methods: those of the protocols here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable
from warnings import warn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from assay.arithmetic.torch_settings import in_float32
from assay.constructions.answering import MOST_AT_ONCE, NUMBERS_AT_ONCE, answered, at_once, count_of, each
from assay.constructions.construction import Construction
from assay.constructions.weights_file import load_network
from assay.errors import AssayError, ParameterError, require
from assay.layers.layer import Layer
from assay.models import make_network
from assay.models.task_network import TaskNetwork
from assay.sizes import Size
from assay.store.source import entry_at, name_code
from assay.store.tensors import read_any_tensors
from assay.tasks import Solved
from assay.tasks.task import AnyInputs, Inputs, Task
from assay.training.trained_file import load_trained

_NUMBERS_OF_A_TOKEN = 64  # where a network does not say: its token's own, and those of its layers


@runtime_checkable
class InHalves(Protocol):
    """A network in two parts: what each token knows by itself (batch, positions, m), and the answers from that."""

    def embedded(self, inputs: AnyInputs) -> Tensor: ...

    def answers(self, embedded: Tensor) -> Tensor: ...


@runtime_checkable
class Attends(Protocol):
    """A network that gives its attention weights (batch, heads, queries, positions)."""

    def attention(self, inputs: AnyInputs) -> Tensor: ...


@runtime_checkable
class HasKeys(Protocol):
    """A network whose keys (positions, score width) depend on the position only."""

    def position_keys(self) -> Tensor | None: ...


@runtime_checkable
class HasIntegerKeys(Protocol):
    """One whose keys are whole numbers of any size."""

    def integer_keys(self) -> NDArray[np.object_]: ...


@dataclass(frozen=True)
class Subject:
    """A network and the task it is examined on.

    Attributes:
        name: of the file, or `label:Class`.
        origin: `constructed`, `trained` or `user's`.
        network: called on the task's inputs, returns (batch, *answer shape).
        task: with its parameters.
        family: whose colour it has; empty where a user's module does not say.
        size: that it declares; None where a user's module does not say.
        tolerance: the worst-case error that it is held against: what a construction was built for, else the task's own.
        guaranteed: a construction's guaranteed error; None for others.
        guarantee_stated_by: whose word that is: `build`, or `file` where it follows from the settings in a file, which
            only a proof compares with the weights; None where nothing is guaranteed.
    """

    name: str
    origin: str
    network: nn.Module
    task: Task
    family: str
    size: Size | None
    tolerance: float
    guaranteed: float | None = None
    guarantee_stated_by: Literal["build", "file"] | None = None

    def task_as(self, kind: type[Solved]) -> Solved:
        """The task, which is known to be of this kind."""
        assert isinstance(self.task, kind)
        return self.task

    @property
    def keys(self) -> Tensor | None:
        """Keys that depend on the position only, which adversarial pointers are picked against; None without."""
        return self.network.position_keys() if isinstance(self.network, HasKeys) else None

    @property
    def weights(self) -> Callable[[AnyInputs], Tensor] | None:
        """Attention weights of which it is known that, averaged over heads, they times the values are the answers."""
        fits = isinstance(self.network, Construction) and isinstance(self.network, Attends)
        return self.network.attention if fits else None

    @property
    def dtype(self) -> torch.dtype:
        """Of floating-point inputs: that of the network's parameters, or float64 where it has none."""
        return dtype_of(self.network)

    @property
    def at_once(self) -> int:
        """Inputs of one batch, at least 1."""
        if isinstance(self.network, Construction):
            return at_once(self.network)
        spec = self.task.spec
        of_token = max(_NUMBERS_OF_A_TOKEN, spec.queries, 0 if self.size is None else 8 * self.size.width)
        return max(1, min(MOST_AT_ONCE, NUMBERS_AT_ONCE // (spec.length * of_token)))

    def suited(self, inputs: Inputs) -> Inputs:
        """Inputs in the dtype that the network takes."""
        return each(inputs, lambda tensor: tensor.to(self.dtype) if tensor.is_floating_point() else tensor)

    @torch.no_grad()
    def answers(self, inputs: AnyInputs) -> Tensor:
        """The network's answers.

        Raises:
            AssayError: they do not have the shape that the task's answers have.
            CertificateError: it has no certificate for one of the inputs.
        """
        outputs = self.network(inputs)
        wanted = (count_of(inputs), *self.task.spec.output_shape)
        if not isinstance(outputs, Tensor) or tuple(outputs.shape) != wanted:
            shape = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
            raise AssayError(f"answers of {self.name} have shape {shape}; it must be {wanted}")
        return outputs

    def answered(self, inputs: AnyInputs) -> tuple[Tensor | None, Tensor]:
        """The answers to those inputs that it has a certificate for, and which these are."""
        return answered(self.answers, inputs)


def dtype_of(network: nn.Module) -> torch.dtype:
    """The floating-point dtype of a network's parameters; float64 where it has none."""
    return next((part.dtype for part in network.parameters() if part.is_floating_point()), torch.float64)


@in_float32()
def open_subject(
    name: str | Path,
    task: Task | None = None,
    *,
    width: int | None = None,
    seed: int = 0,
    weights: str | Path | None = None,
    code: Iterable[str] = (),
    tell: Callable[[str], None] = warn,
) -> Subject:
    """The network of a file that `assay build` or `assay train` wrote, or of a user's class.

    A class is named as `path/to/file.py:Class` or `package.module:Class`. It is called with the task and must give a
    torch module that is called on the task's inputs; a `Layer` is put into the standard backbone at this `width`. Its
    weights come from `seed`, or from the safetensors file `weights` with the names of its state dictionary.

    A file is data: of a user's own architecture, construction or task in it, the Python file or module is imported only
    if `code` names it. `tell` hears of what has changed since a network was trained.

    Raises:
        AssayError: no such file or class, one that cannot be imported, or a task or width is missing or given where the
            file has its own.
    """
    for where in code:
        name_code(where)
    if ":" in str(name) and not os.path.exists(name):  # Path.exists raises for names that are too long
        return _users(str(name), task, width, seed, weights)
    if task is not None or width is not None or weights is not None:
        raise ParameterError(
            "{} is a file and says its own task, width and weights; leave out {task}, {width} and {weights}", name
        )
    if "method" in read_any_tensors(name)[0]:
        return subject_of(load_network(name), str(name))
    trained = load_trained(name, tell)[0]
    return Subject(str(name), "trained", trained, trained.task, trained.family, trained.size, trained.task.tolerance)


def subject_of(network: Construction, name: str = "") -> Subject:
    """A construction as a subject; `name` is the file that it was read from, if it was."""
    guaranteed = network.certificate().guaranteed_error
    return Subject(
        name or network.method,
        "constructed",
        network,
        network.task,
        network.family,
        network.size,
        network.tolerance,
        guaranteed,
        "file" if name else "build",
    )


def _users(name: str, task: Task | None, width: int | None, seed: int, weights: str | Path | None) -> Subject:
    if task is None:
        raise AssayError(f"{name} is a class; name the task that its networks are for, and the task's parameters")
    where, _, attribute = name.rpartition(":")
    name = f"{name_code(where)}:{attribute}"
    kind = entry_at(name, nn.Module, functions=width is not None)
    assert kind is not None  # it was named above
    if width is not None or issubclass(kind, Layer):
        require(width is not None, "width", width, f"given for the layer {name}")
        network: nn.Module = make_network(name, task, width or 1, seed=seed)
    else:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            try:
                network = kind(task)
            except Exception as error:
                raise AssayError(f"{name}(task) fails: {type(error).__name__}: {error}") from error
    if weights is not None:
        try:
            (network.network if isinstance(network, TaskNetwork) else network).load_state_dict(
                read_any_tensors(weights)[1]
            )
        except RuntimeError as error:
            raise AssayError(f"{weights} does not hold the weights of {name}: {' '.join(str(error).split())}") from None
    network.requires_grad_(False).eval()
    return Subject(
        name, "user's", network, task, getattr(network, "family", ""), getattr(network, "size", None), task.tolerance
    )
