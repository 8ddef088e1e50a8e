"""What the tab key offers: names, without importing anything that is slow, and never a fault."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import typer

from assay.cli.task_parameters import DeclaredTask, declared_task

Offer = tuple[str, str]  # a word, and what it is
Completer = Callable[[typer.Context, str], list[Offer]]

TASK = "assay.task"  # key of the task's name in a context

_GROUPS = {
    "Z7": "cyclic, Z1 to Z1000",
    "D4": "of a polygon, D3 to D500",
    "S5": "permutations, S2 to S6",
    "A5": "even permutations, A3 to A6",
    "Q8": "quaternions",
    "Z2xS3": "a direct product",
}


def completer(offers: Callable[[typer.Context], Iterable[Offer]]) -> Completer:
    """A function for typer from one that gives all that there is; a fault of it offers nothing."""

    def complete(ctx: typer.Context, incomplete: str) -> list[Offer]:
        try:
            return [(word, text) for word, text in offers(ctx) if word.startswith(incomplete)]
        except Exception:  # the tab key is no place for an error
            return []

    return complete


def listed(*words: str) -> Completer:
    """Of words that are known."""
    return completer(lambda _: [(word, "") for word in words])


def several(one: Completer) -> Completer:
    """Of words that are separated by commas."""

    def complete(ctx: typer.Context, incomplete: str) -> list[Offer]:
        before, comma, last = incomplete.rpartition(",")
        return [(f"{before}{comma}{word}", text) for word, text in one(ctx, last)]

    return complete


def entries_of(*kinds: str) -> Completer:
    """Of what `assay ls` lists of these kinds; of all kinds unless any is given."""

    def offers(_: typer.Context) -> Iterator[Offer]:
        from assay.sessions.catalogue import catalogue

        found: dict[str, str] = {}
        for kind, names in catalogue().items():
            if not kinds or kind in kinds:
                found |= names
        yield from found.items()

    return completer(offers)


tasks = entries_of("tasks")
architectures = entries_of("architectures")
bounded = entries_of("architectures", "bare models")
constructions = entries_of("constructions")
protocols = entries_of("protocols")
studies = entries_of("studies")
entries = entries_of()
groups = completer(lambda _: _GROUPS.items())
cache_formats = several(
    listed("q8_0", "q4_0", *(f"{family}-{bits}" for family in ("token", "channel", "rotated") for bits in (2, 3, 4, 8)))
)


@completer
def kinds(_: typer.Context) -> Iterator[Offer]:
    """Kinds of what `assay ls` lists."""
    from assay.sessions.catalogue import catalogue

    yield from ((kind, f"{len(names)} names") for kind, names in catalogue().items())


@completer
def functions(_: typer.Context) -> Iterator[Offer]:
    """Names of Boolean functions."""
    from assay.booleans.named import NAMES

    yield from ((name, "") for name in NAMES)


@completer
def distributions(ctx: typer.Context) -> Iterable[Offer]:
    """Distributions of the task that is on the line."""
    task = task_on(ctx.meta)
    return [] if task is None else task.distributions.items()


def task_on(meta: Mapping[str, str]) -> DeclaredTask | None:
    """What the task that is on the line declares, by the context's `meta`; None where none is."""
    name = meta.get(TASK)
    return declared_task(name) if name else None
