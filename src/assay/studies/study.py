"""A study: questions that stand alone, and searches. `assay.studies.study_file` reads one from its file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from assay.errors import AssayError
from assay.evidence import content_hash
from assay.models.candidates import Candidates
from assay.question import Question
from assay.questions.baselines import BaselinesQuestion
from assay.questions.boolean import BooleanPlan
from assay.questions.memory import MemoryPlan
from assay.questions.protocol import ProtocolQuestion
from assay.questions.retrieval import RetrievalPlan
from assay.resources import Resources
from assay.tasks import Task
from assay.training.search import Search


@dataclass(frozen=True)
class Asked:
    """A question to a bound or a construction, and `x`, the value of the parameter that its sweep goes along."""

    x: int
    question: Question

    @property
    def key(self) -> str:
        """Content hash of the question."""
        return self.question.key


@dataclass(frozen=True)
class Sweep:
    """One task along one of its parameters.

    Attributes:
        name: of its table in the file.
        title: one line for people.
        along: the parameter that varies.
        symbol: what charts call it.
        tasks: the task at every x that is asked about, ascending in x.
        distribution: inputs that networks learn from, and that mean errors speak of.
        stated: questions to bounds and constructions.
        searches: for what is learned, and grids.
        certificates: questions what can be proved of constructions.
        precisions: questions how few bits constructions need.
        varied: parameters of the task that searches vary.
    """

    name: str
    title: str
    along: str
    symbol: str
    tasks: dict[int, Task]
    distribution: str
    stated: tuple[Asked, ...]
    searches: tuple[Search, ...]
    certificates: tuple[Asked, ...] = ()
    precisions: tuple[Asked, ...] = ()
    varied: tuple[str, ...] = ()

    @property
    def learned_at(self) -> list[int]:
        """Every x that is to be learned at, ascending."""
        return sorted({search.x for search in self.searches})

    def learned_tasks(self) -> list[Task]:
        """Every task that is to be learned: at each x, or of each value where searches vary it."""
        asked = [candidate for search in self.searches for candidate in search.candidates]
        return list({content_hash(one.about): one.task for one in asked}.values())


@dataclass(frozen=True)
class Comparison:
    """Some tasks that differ in parameters, each learned by some networks.

    Attributes:
        title: one line for people.
        distribution: of the inputs.
        cells: a value of a grid for each task and network: task by task, with all networks in the same order.
    """

    title: str
    distribution: str
    cells: tuple[Search, ...]


@dataclass(frozen=True)
class Study:
    """A study as read from its file, with `quick` applied or dropped.

    Attributes:
        name: what results are filed under.
        title: one line for people.
        seeds: of every search.
        precision: bits per number at which bounds in bits become widths.
        sweeps: in the order of the file.
        attention_maps: questions to single attention units, constructed and trained, whose attention is kept.
        protocols: questions what a communication protocol run on a network comes to.
        retrieval: how many documents vectors serve.
        memory: how many pairs linear memories hold.
        comparisons: of networks on tasks.
        boolean: how many heads Boolean functions need, have and learn.
    """

    name: str
    title: str
    seeds: tuple[int, ...]
    precision: int
    sweeps: tuple[Sweep, ...]
    attention_maps: tuple[Question, ...]
    protocols: tuple[ProtocolQuestion, ...] = ()
    retrieval: RetrievalPlan | None = None
    memory: MemoryPlan | None = None
    comparisons: tuple[Comparison, ...] = ()
    boolean: BooleanPlan | None = None

    def singles(self) -> list[Question]:
        """All questions that stand alone: everything but searches."""
        sweeps = [asked for sweep in self.sweeps for asked in (*sweep.stated, *sweep.certificates, *sweep.precisions)]
        plans = filter(None, (self.retrieval, self.memory, self.boolean))
        planned = [question for plan in plans for question in plan.questions()]
        return [*self.attention_maps, *self.protocols, *(asked.question for asked in sweeps), *planned]

    def asked(self) -> list[Question | Search]:
        """All that is run: searches first, as these take longest."""
        return [*self.searches(), *self.singles()]

    def baselines(self) -> list[BaselinesQuestion]:
        """What trivial baselines reach on all that is to be learned: asked before any search."""
        asked = [BaselinesQuestion(task, sweep.distribution) for sweep in self.sweeps for task in sweep.learned_tasks()]
        compared = [(cell.candidates[0].task, one.distribution) for one in self.comparisons for cell in one.cells]
        asked += [BaselinesQuestion(*one) for one in compared]
        return list({question.key: question for question in asked}.values())

    def searches(self) -> list[Search]:
        """All searches, those expected to take longest first."""
        searched = [search for sweep in self.sweeps for search in sweep.searches]
        compared = [cell for comparison in self.comparisons for cell in comparison.cells]
        different = {search.key: search for search in [*searched, *compared]}
        return sorted(different.values(), key=lambda one: -one.candidates[0].task.length * (1 + _slow(one)))


def steps_of(searches: Iterable[Search]) -> tuple[int, int]:
    """The fewest and the most training steps that runs of these searches may take; (0, 0) without any."""
    steps = [asked.recipe.steps for search in searches for asked in search.candidates]
    return min(steps, default=0), max(steps, default=0)


def _slow(search: Search) -> bool:
    """Whether a run steps through the sequence, which takes longest."""
    last = search.candidates[-1]
    return declared_resources(last.networks, last.task, last.width).state is not None


def declared_resources(networks: Candidates, task: Task, width: int) -> Resources:
    """What is declared; nothing where there is no such network or a layer fails, as its search will say."""
    try:
        return networks.resources(task, width)
    except AssayError:
        return Resources(precision=32)
