"""The attack on a network: the worst input that a budget of tries finds, and what that shows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from torch import Tensor

from assay.arithmetic.torch_settings import in_float32
from assay.constructions.answering import finite, refuses_all
from assay.errors import require_integer
from assay.evidence import Json
from assay.examine.attacks.methods import draws, exhaustive, search
from assay.examine.attacks.tries import Tries, scored_errors
from assay.examine.subject import Subject
from assay.schema import Result
from assay.tasks.answers import Bits
from assay.tasks.graphs import CycleTask
from assay.tasks.matching import Matching
from assay.tasks.task import AnyInputs, Task

_SHARE_OF_DRAWS = 4  # a quarter of the budget


@dataclass(frozen=True, kw_only=True, repr=False)
class Attack(Result):
    """What an attack found.

    Attributes:
        network: its name.
        origin: constructed, trained or user's.
        guarantee_stated_by: whose word the guarantee is, `build` or `file`; None where nothing is guaranteed.
        family: of the network; empty where a user's module does not say.
        task: its name and parameters.
        budget: inputs that were to be tried.
        seed: of the draws and the steps of the search.
        error: the largest error, of the worst input when it is answered alone; 1e300 for an answer that is no finite
            number; None if the network refused every input.
        error_in_batch: of the same input when it was found, among others: rounding may differ.
        worst_input: its tensors as nested lists, by name.
        token: the position whose answer has that error.
        exact_answer: of this token.
        network_answer: of this token; None in place of what is no finite number.
        found_by: the method.
        tried: how many inputs each method tried.
        refused: how many of them the network refused to answer.
        constants: the largest error that constant answers have on the inputs that the network answered.
        tolerance: what the network is held against.
        exceeds_tolerance: whether the error is above it; None if the network refused every input.
        guaranteed_error: of a construction; None for others.
        broken: whether the error, alone or among others, is above what is guaranteed; None if the network refused every
            input, of which no guarantee holds.
        justification: what the statement rests on.
    """

    network: str
    origin: str
    guarantee_stated_by: str | None
    family: str
    task: Json
    budget: int
    seed: int
    error: float | None = None
    error_in_batch: float | None = None
    worst_input: dict[str, list] | None = None
    token: int | None = None
    exact_answer: object = None
    network_answer: object = None
    found_by: str | None = None
    tried: dict[str, int]
    refused: int
    constants: dict[str, float] = field(default_factory=dict)
    tolerance: float
    exceeds_tolerance: bool | None = None
    guaranteed_error: float | None
    broken: bool | None = None
    justification: str

    @property
    def line(self) -> str:
        """The error, and what it is held against."""
        if self.error is None:
            return f"{self.network}: no answer, {self.refused} inputs refused"
        if self.guaranteed_error is not None:
            held = f"guarantee of {self.guaranteed_error:.4g} {'BROKEN' if self.broken else 'not broken'}"
        else:
            held = f"{'above' if self.exceeds_tolerance else 'within'} the tolerance of {self.tolerance:.4g}"
        return f"{self.network}: largest error {self.error:.4g} of {sum(self.tried.values()):,} inputs, {held}"


@in_float32()
def attack(
    subject: Subject, *, budget: int = 20_000, seed: int = 0, tell: Callable[[str], None] = lambda _: None
) -> Attack:
    """Look for the input, of those that the task's worst-case error is over, on which a network errs most.

    All inputs of the task's finite form are tried if the budget is enough. Else, or where there are inputs beyond that
    form, a quarter of the budget goes to draws of the named distributions, and the rest to a search that climbs from
    the worst of these (`assay.examine.attacks.methods`). Time is that of `budget` forward passes, for sparse averaging
    of up to three times as many. The same seed gives the same result on the same machine.

    Args:
        subject: the network and its task.
        budget: inputs to try.
        seed: of the draws and the steps of the search.
        tell: takes lines about progress.

    >>> from assay import SparseAveraging
    >>> from assay.constructions import build
    >>> from assay.examine.subject import subject_of
    >>> unit = build(SparseAveraging(length=6, sparsity=2, layout="last"), method="sign", tolerance=0.1)
    >>> found = attack(subject_of(unit), budget=2000)
    >>> found.error <= found.guaranteed_error, found.broken, found.tried["exhaustive"]  # 2^6 values, 15 pointer sets
    (True, False, 960)

    Raises:
        AssayError: the budget is no positive integer, or the answers do not have the task's shape.
    """
    require_integer("budget", budget, 1, None)
    tries = Tries(subject, budget, seed, tell)
    listed = exhaustive(tries)
    everything = listed > 0 and isinstance(
        subject.task.answer, Bits
    )  # values are real numbers, residues and edges are not
    if not everything and tries.left > 0:
        search(tries, draws(tries, math.ceil(tries.left / _SHARE_OF_DRAWS)))
    return _result(tries, listed, everything, budget, seed)


def _result(tries: Tries, listed: int, everything: bool, budget: int, seed: int) -> Attack:
    subject, worst, refused = tries.subject, tries.worst, tries.refused
    task, guaranteed = subject.task, subject.guaranteed
    nothing = Attack(
        network=subject.name,
        origin=subject.origin,
        guarantee_stated_by=subject.guarantee_stated_by,
        family=subject.family,
        task=task.to_json(),
        budget=budget,
        seed=seed,
        tried=dict(tries.tried),
        refused=refused,
        tolerance=subject.tolerance,
        guaranteed_error=guaranteed,
        justification=f"nothing: {refuses_all(refused)}",
    )
    if worst is None:
        return nothing
    outputs, (_, targets, scored) = subject.answers(worst.inputs), task.batch(worst.inputs)  # answered alone
    errors = finite(scored_errors(task.answer, outputs, targets, scored))[0]
    token = int(errors.argmax())
    error, in_batch = errors[token].item(), worst.badness[0]
    broken = guaranteed is not None and max(error, in_batch) > guaranteed
    return replace(
        nothing,
        error=error,
        error_in_batch=in_batch,
        worst_input=_named(task, worst.inputs),
        token=task.spec.length - task.spec.queries + token,
        exact_answer=targets[0, token].tolist(),
        network_answer=_numbers(outputs[0, token].tolist()),
        found_by=worst.method,
        constants=tries.constants,
        exceeds_tolerance=error > subject.tolerance,
        broken=broken,
        justification=_rests_on(tries, in_batch, listed, everything, broken),
    )


def _named(task: Task, inputs: AnyInputs) -> dict[str, list]:
    if isinstance(inputs, Tensor):
        kinds = {"residues": Matching, "adjacency": CycleTask}
        name = next((name for name, kind in kinds.items() if isinstance(task, kind)), "inputs")
        return {name: inputs[0].tolist()}
    names = getattr(inputs, "_fields", range(len(inputs)))
    return {str(name): tensor[0].tolist() for name, tensor in zip(names, inputs, strict=True)}


def _numbers(answer: object) -> object:
    if isinstance(answer, list):
        return [_numbers(number) for number in answer]
    return answer if isinstance(answer, int | float) and math.isfinite(answer) else None


def _rests_on(tries: Tries, error: float, listed: int, everything: bool, broken: bool) -> str:
    refused = f" ({tries.refused} refused)" if tries.refused else ""
    if everything:
        return f"exhaustive over all {listed} inputs{refused}"
    if broken or (tries.subject.guaranteed is None and error > tries.subject.tolerance):
        return "the worst input, which one forward pass checks"
    others = {method: count for method, count in tries.tried.items() if method != "exhaustive"}
    by = ", ".join(f"{count} {method}" for method, count in others.items())
    beyond = f"nothing worse was found among {sum(others.values())} inputs ({by})" if others else "nothing was tried"
    finite_form = f"exhaustive over the {listed} inputs of the finite form; beyond it, " if listed else ""
    return f"{finite_form}{beyond}{refused}, which proves nothing"
