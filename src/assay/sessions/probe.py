"""What `assay probe` and `assay.probe` do: ask all questions of a plan, and report what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import AssayError, require
from assay.evidence import Evidence
from assay.probing.findings import Findings, gather_probe
from assay.probing.heads import Heads
from assay.probing.plan import SPARSITIES, Plan
from assay.probing.questions import keep_heads
from assay.probing.source import open_heads
from assay.report.found import Reported
from assay.report.page import require_report
from assay.report.probe_page import ProbeFound, probe_found, report_name, write_probe
from assay.store.files import make_folder
from assay.store.ledger import LEDGER, Ledger
from assay.studies.progress import progress
from assay.studies.runner import run_questions

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Probed:
    """What `probe` found.

    Attributes:
        plan: what was asked, with the heads.
        findings: a row for each head, and what leads; `dataclasses.asdict` makes plain values of them.
        evidence: one piece for each question.
    """

    plan: Plan
    findings: Findings
    evidence: tuple[Evidence, ...]

    @property
    def advice(self) -> str:
        """What to look at first: the heads that lose most, and those that isolate no token."""
        return self.findings.advice

    def report(self, folder: str | Path) -> Path:
        """Write an HTML report and its figures into a folder; the path of the page."""
        return write_probe(probe_found(self.plan, self.evidence, "assay.probe(...)"), Path(folder))


def probe(
    source: nn.Module | Heads | str | Path,
    inputs: object = None,
    *,
    text: str | Path | Iterable[str | Path] | None = None,
    length: int | None = None,
    names: str | Iterable[str] | None = None,
    name: str | None = None,
    sparsities: Iterable[int] = SPARSITIES,
    sets: int = 32,
    curves: int | None = None,
    seed: int = 0,
    position: int | None = None,
    formats: Iterable[str] = (),
    tell: Callable[[str], None] = lambda _: None,
) -> Probed:
    """Which heads of a model lose most in a quantised cache, and which sets of positions can their queries average?

    Everything runs in this process: at N = 256, d = 64, each head takes about 0.3 s on each text. The command
    `assay probe` does the same in worker processes, and keeps answers.

    Args:
        source: a torch module; heads, for instance from `assay.probing.heads.make_heads(name, keys, queries)`; an .npz
            file; or a model, see `assay.probing.source.open_heads`.
        inputs: what a torch module is called with: one text, as a tensor, a tuple of arguments, or a mapping of keyword
            arguments.
        text: one or several text files for a model to read; three shipped ones unless given: a novel, a manual and a
            program. Each figure of a head is then the median over texts, with the least and the largest.
        length: tokens of each that it reads; 256 unless given.
        names: of the submodules whose attention is wanted, patterns with * and ?; all unless given. See
            `assay.probing.models.live.heads_of_module`.
        name: of a torch module, for people; its class unless given.
        sparsities: sizes q of the sets.
        sets: of each size and kind (random, contiguous).
        curves: sets at each point of the curve of which sets exist. Unless given, 32 where queries are not known, and
            none where they are.
        seed: of the sets, from 0 to 2^63 - 1.
        position: of the query of causal heads, which have the keys up to there. The last unless given.
        formats: of a cache, see `assay.probing.cache_formats`; q8_0 and q4_0 unless given, or token-8 and token-4 where
            the width does not take these.
        tell: is given a line about each question that is answered.

    >>> import torch
    >>> attention = torch.nn.MultiheadAttention(16, num_heads=2, batch_first=True)
    >>> tokens = torch.randn(1, 12, 16, generator=torch.Generator().manual_seed(0))
    >>> found = probe(attention, (tokens, tokens, tokens), sparsities=(1, 2), sets=4)
    >>> [sorted(row.reach["random"]) for row in found.findings.heads]
    [[1, 2], [1, 2]]

    Raises:
        AssayError: nothing that can be probed, arguments that are for another kind of source, or sets that do not fit.
    """
    require(isinstance(sparsities, Iterable), "sparsities", sparsities, "several integers, such as (1, 2, 4, 8)")
    texts = _heads(source, inputs, text, length, names, name)
    require(isinstance(formats, Iterable) and not isinstance(formats, str), "formats", formats, "several names")
    plan = Plan(texts, tuple(sparsities), sets, curves, seed, position, tuple(formats))
    by_digest = {heads.digest: heads for heads in texts}
    evidence = []
    for question in plan.questions():
        evidence.append(question.answer_for(by_digest[question.heads]))
        tell(evidence[-1].source)
    return Probed(plan, gather_probe(plan, {piece.key: piece for piece in evidence}), tuple(evidence))


def probe_session(plan: Plan, *, out: Path, workers: int, quiet: bool, command: str) -> Reported[ProbeFound]:
    """Answer all questions of a probe and write its report."""
    folder = make_folder(out, is_out=True)
    require_report(report_name(plan), folder)
    for heads in plan.texts:
        keep_heads(heads, folder)
    with Ledger(folder / LEDGER) as ledger:
        with progress(quiet=quiet) as report:
            ran = run_questions(plan.questions(), ledger, workers=workers, report=report)
        found = probe_found(plan, ledger, command, ran.failed)
        return Reported(found, ran.new, str(ledger.path), str(write_probe(found, folder)))


def _heads(
    source: nn.Module | Heads | str | Path,
    inputs: object,
    text: str | Path | Iterable[str | Path] | None,
    length: int | None,
    names: str | Iterable[str] | None,
    name: str | None,
) -> tuple[Heads, ...]:
    of_text = {"text": text, "length": length}
    if isinstance(source, Heads):
        _refuse("heads that are there already", {"inputs": inputs, **of_text, "names": names, "name": name})
        return (source,)
    if isinstance(source, str | Path):
        _refuse("a file or a model's name", {"inputs": inputs, "name": name})
        require(text is None or isinstance(text, Iterable | Path), "text", text, "a path, or several")
        files = [text] if isinstance(text, str | Path) else list(text or ())
        return open_heads(source, list(map(Path, files)), length, names)
    from assay.probing.models.live import heads_of_module

    _refuse("a torch module", of_text)
    return (heads_of_module(source, inputs, names=names, name=name),)


def _refuse(source: str, options: Mapping[str, object]) -> None:
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise AssayError(f"{given[0]} is not allowed where the source is {source}")
