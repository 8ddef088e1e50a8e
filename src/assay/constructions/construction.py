"""What every construction is: a torch module with buffers, the task it solves and a certificate."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Generic, Self

from torch import Tensor

from assay.arithmetic.torch_settings import settled
from assay.constructions import CONSTRUCTIONS
from assay.constructions.certificate import Certificate
from assay.constructions.guard import guard_methods
from assay.constructions.own_weights import OwnWeights
from assay.constructions.settings import POSITIVE, Setting, check_settings
from assay.constructions.weights_file import save_network
from assay.errors import AssayError, require
from assay.models.bare import Rounding
from assay.models.bare_models import BARE_MODELS
from assay.resources import Resources
from assay.sizes import Size
from assay.tasks import Solved
from assay.tasks.task import Task

MAX_POSITIONS = 1 << 20  # beyond, keys and scores do not fit into the memory of an ordinary machine


class Construction(Rounding, OwnWeights, ABC, Generic[Solved]):
    """A network with explicit weights. It is called on the task's inputs and returns (batch, *answer shape).

    `type(self)(self.task, **self.settings)` makes the same module with its buffers unset, which is how files are read.
    What a file says of its settings is only taken if they are those that the class declares.

    A guarantee is for weights as they were given and for the arithmetic of the CPU. So `forward` and `attention`, of
    whatever class derives from this one, refuse inputs that are not of the task's form, and weights that a cast has
    changed; autocast, reduced precision of products and a default device do not reach them
    (`assay.arithmetic.torch_settings`). Their code names the dtypes of the tensors that it makes. `certificate` refuses
    changed weights, too.

    Attributes:
        method: the name it is registered under.
        model: of `assay.models.bare_models`: what its size is a size of.
        version: raised when the weights change, so that old results are not taken for new ones.
        solves: the names of the tasks it computes.
        declares: the settings, each with the values that it may have.
        task: the task, with its parameters.
        tolerance: the worst-case error it was built for.
        settings: arguments of the constructor beside the task, as plain JSON values.
        remark: how it was found, where the weights do not show that; no file keeps it.
    """

    method: ClassVar[str]
    model: ClassVar[str]
    version: ClassVar[int] = 1
    solves: ClassVar[tuple[str, ...]] = ("sparse-averaging",)
    declares: ClassVar[dict[str, Setting]] = {"tolerance": POSITIVE}
    task: Solved
    tolerance: float
    settings: Mapping[str, object]
    remark: str = ""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "method" not in vars(cls) and hasattr(cls, "method"):
            cls.method = cls.__name__  # it may compute something else than what it is derived from
        guard_methods(cls)

    @classmethod
    def preferred(cls, task: Solved) -> bool:
        """Whether this is the method to use for this task where none is named."""
        return False

    @classmethod
    @abstractmethod
    def build(cls, task: Solved, tolerance: float) -> Self:
        """The network for this task, with guaranteed worst-case error at most `tolerance`, or an AssayError."""

    @classmethod
    def check_settings(cls, settings: object) -> None:
        """Refuse settings that no network of this kind has, for whatever task.

        Raises:
            AssayError: it names the setting, the value given and what is allowed.
        """
        check_settings(cls.method, cls.declares, settings)

    @abstractmethod
    def certificate(self) -> Certificate:
        """What is guaranteed, and by what."""

    @property
    @abstractmethod
    def size(self) -> Size:
        """The size that the network declares."""

    @property
    def family(self) -> str:
        """Whose colour it has in charts."""
        return BARE_MODELS[self.model].family

    @property
    def resources(self) -> Resources:
        """What the network has, by its model and size."""
        return BARE_MODELS[self.model].resources(self.size, self.task)

    def numbers_at_work(self) -> int:
        """About how many numbers the forward pass holds for one example: what batches are cut by."""
        return self.task.spec.length * (self.size.width + self.task.spec.queries)

    def position_keys(self) -> Tensor | None:
        """Keys that adversarial pointers are picked against; None where the network has no keys."""
        return None

    def save(self, path: str | Path) -> None:
        """Write the network and its certificate to a safetensors file, whole or not at all."""
        save_network(self, path)


def build_checked(task: Task, method: str | None, tolerance: float | None) -> Construction:
    """See `assay.build`; the method is one that `CONSTRUCTIONS` knows by this name."""
    construction = CONSTRUCTIONS[method or _preferred_method(task)]
    if task.name not in construction.solves:
        raise AssayError(f"construction {method!r} solves {' and '.join(construction.solves)}, not {task.name}")
    error = task.tolerance if tolerance is None else tolerance
    check_request(task, error)
    with settled():
        return construction.build(task, float(error))


def check_request(task: Task, tolerance: object) -> None:
    """Refuse what no construction is asked for.

    Raises:
        AssayError: a tolerance that is none for this task, or too long a sequence.
    """
    largest = task.answer.largest_tolerance
    number = isinstance(tolerance, int | float) and not isinstance(tolerance, bool)
    require(number and 0 < tolerance <= largest, "tolerance", tolerance, f"above 0 and at most {largest:g}")
    require(task.spec.length <= MAX_POSITIONS, "length", task.length, f"at most {MAX_POSITIONS} for a construction")


def _preferred_method(task: Task) -> str:
    for name in CONSTRUCTIONS.names():
        if task.name in CONSTRUCTIONS[name].solves and CONSTRUCTIONS[name].preferred(task):
            return name
    raise AssayError(f"there is no construction for {task.name}")
