"""Training questions, their runs and searches that were never made, for tests of what reads them."""

from dataclasses import replace

from assay import Evidence, Size, SparseAveraging
from assay.models.candidates import Candidates
from assay.models.shape import with_field
from assay.training.question import TrainingQuestion
from assay.training.recipe import Recipe
from assay.training.search import Search, SearchResult

AVERAGING = SparseAveraging(length=16, sparsity=2, layout="last")


def asked(width=8, seed=0, rate=0.01, *, architecture="feed-forward", task=AVERAGING, code=None, **shape):
    """The question of a run; with `code` of an architecture that nobody has."""
    networks = Candidates.of(architecture, **shape)
    return TrainingQuestion(networks, task, Recipe(20, "gaussian"), width, seed, rate, code=code or {})


def search_of(values, start=0, seeds=(0, 1, 2), rates=(0.01,), *, question=None, vary="width", tasks=(), **more):
    """A search whose candidates differ in `vary`, or in their tasks."""
    question = question or asked()
    if tasks:
        candidates = [replace(question, task=task) for task in tasks]
    elif vary == "width":
        candidates = [replace(question, width=value) for value in values]
    else:
        shapes = [with_field(question.networks.shape, vary, value) for value in values]
        kind = question.networks.architecture
        candidates = [replace(question, networks=Candidates.of(kind, **shape)) for shape in shapes]
    return Search(tuple(values), tuple(candidates), start, seeds, rates, **{"field": vary, **more})


def run_of(question, learned, *, error=None, family="recurrent", tolerance=0.25, detail=None, **size):
    """The evidence of a run that was not made."""
    shape = {"width": question.width, "depth": question.networks.depth, "head_width": question.networks.head_width}
    return Evidence(
        question=question.to_json(),
        task=question.about,
        family=family,
        architecture=question.networks.architecture,
        source="training",
        size=Size(**{**shape, "parameters": 10 * question.width, **size}),
        verdict="learned" if learned else "not learned",
        error_kind="mean",
        error=(0.2 if learned else 0.4) if error is None else error,
        tolerance=tolerance,
        justification="a test",
        detail=detail or {},
    )


def finished(search, value, runs):
    return SearchResult(search, True, value, tuple(runs))
