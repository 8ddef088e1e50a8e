"""What `assay run` and `assay report` do. Read this first: a study passes all stages in `run`, in order.

A study file becomes a `Study`: questions that stand alone, and searches that ask one question after the other
(`assay.studies.study_file`). A question is a dataclass that says all that its answer depends on, and answers itself
(`assay.question`, `assay.questions`): bounds, constructions and training are called there and nowhere else. Answers are
pieces of evidence (`assay.evidence`), kept in a ledger by the hash of their question, so that nothing is asked twice.
Workers answer (`assay.studies.runner`, `assay.studies.workers`). The report is made of the ledger alone: the answers
become findings, which are dataclasses (`assay.report.findings`), and findings become a page, charts and JSON.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from assay.errors import AssayError, AssayErrors, one_line
from assay.evidence import Evidence
from assay.questions.baselines import refused
from assay.report.findings import Findings, gather
from assay.report.found import Reported
from assay.report.page import require_report, write_report
from assay.report.vega import require_format
from assay.store.files import free_bytes, make_folder, refuse_file, require_folder
from assay.store.ledger import LEDGER, Ledger
from assay.studies.engines import open_engine
from assay.studies.estimate import Estimate, estimate
from assay.studies.kept import kept_answers
from assay.studies.progress import progress
from assay.studies.replay import study_evidence
from assay.studies.runner import Ran, run_questions
from assay.studies.study import Study
from assay.studies.study_file import load_study


def run(
    study: str | Path,
    *,
    out: str | Path = "assay-out",
    quick: bool = False,
    workers: int | None = None,
    engine: str = "local",
    address: str | None = None,
    quiet: bool = True,
    figures: str = "svg",
) -> Reported[Findings]:
    """Run a study and write its report: what was found, and where things were written.

    What was answered before is not asked again. Worker processes begin as interpreters of their own, so a script calls
    this under `if __name__ == "__main__":`; a notebook may call it anywhere.

    Args:
        study: the name of a shipped one, or a TOML file.
        out: folder of the ledger and the report.
        quick: the same parts at smaller lengths.
        workers: processes; as many as there are cores unless given.
        engine: where they run: local, or ray, on a Ray cluster.
        address: with ray: HOST:PORT of a running cluster, or auto.
        quiet: whether progress is not shown.
        figures: what the figures beside the report are: svg, png or pdf.

    Raises:
        AssayError: no such study or kind of figures, a size that is no test of learning, or a folder that cannot be
            used.
    """
    # What is asked, by whom it is answered, and where answers and report go: refused here, before anything is computed.
    require_format(figures)
    asked = load_study(str(study), quick=quick)
    chosen = open_engine(engine, workers=workers, folder=Path(out), address=address)
    folder = make_folder(out, is_out=True)
    require_report(asked.name, folder)
    with Ledger(folder / LEDGER) as ledger:
        # What is known already, and whether all that is to be learned is more than a trivial baseline does.
        _bring_kept(asked, ledger)
        require_tests_of_learning(asked, ledger, (lambda _: None) if quiet else _say)
        # Ask what the ledger does not answer. Searches ask on as answers come; each answer is kept at once.
        with progress(quiet=quiet) as report:
            ran = run_questions(asked.asked(), ledger, engine=chosen, report=report)
        # From answers to findings, and from findings to the page.
        return write_findings(asked, ledger, folder, _command("run", str(study), quick, Path(out)), ran, figures)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _bring_kept(study: Study, ledger: Ledger) -> None:
    """Put answers that come with Assay into the ledger, where it has none; those to questions of older code are not."""
    kept = study_evidence(study, kept_answers(study.name).values())
    new = sum([ledger.add(piece) for piece in kept])
    if new:
        made = ", ".join(f"{name} {version}" for name, version in kept[0].versions.items())
        print(f"assay: {new} answers come with Assay, made with {made}", file=sys.stderr)


def require_tests_of_learning(study: Study, ledger: Ledger, tell: Callable[[str], None] = lambda _: None) -> None:
    """Answer what trivial baselines reach on all that is to be learned, if the ledger does not.

    `tell` is told how many are fitted first: those of a large study take a minute.

    Raises:
        AssayErrors: a line for each size on which one of them is within the tolerance.
    """
    said, questions = [], study.baselines()
    answers = [ledger.get(question.to_json()) for question in questions]
    if new := answers.count(None):
        tell(f"assay: fitting trivial baselines to {new} sizes of tasks first")
    for question, answer in zip(questions, answers, strict=True):
        if answer is None:
            try:
                answer = question.answer()
            except Exception as error:  # whatever a task of a user's own raises: its searches will fail, and say it
                reason = one_line(f"{type(error).__name__}: {error}")
                print(f"assay: no baselines on {question.about['name']}: {reason}", file=sys.stderr)
                continue
            ledger.add(answer)
        said.append(refused(answer))
    if any(said):
        raise AssayErrors(f"study {study.name}: {line}" for line in said if line)


def estimate_session(
    name: str, *, quick: bool, out: Path, workers: int | None, tell: Callable[[str], None]
) -> Estimate:
    """What is left of a study, and what it will take; see `assay.studies.estimate`. Nothing is written."""
    require_folder(out, is_out=True)
    study = load_study(name, quick=quick)
    known = {**kept_answers(study.name), **answers_in(out)}
    found = estimate(study, known, workers=workers or os.cpu_count() or 1, tell=tell)
    return replace(found, free_bytes=free_bytes(out))


def answers_in(folder: Path) -> dict[str, Evidence]:
    """What the ledger in this folder holds, by key; nothing where there is none."""
    if not (folder / LEDGER).exists():
        return {}
    with Ledger(folder / LEDGER, create=False) as ledger:
        return {piece.key: piece for piece in ledger}


def report_session(name: str, *, quick: bool, out: Path, figures: str = "svg") -> Reported[Findings]:
    """Write the report of a study from its ledger."""
    require_format(figures)
    if name.startswith("probe-") and (out / f"{name}.html").exists():
        raise AssayError(f"{name} is a probe, and no study: 'assay probe ... --out {out}' writes its report again")
    if Path(name).is_dir():
        raise AssayError(f"{name} is a folder; 'assay report STUDY --out {name}' names the study{_others(Path(name))}")
    study = load_study(name, quick=quick)
    refuse_file(out, is_out=True)
    with Ledger(out / LEDGER, create=False) as ledger:
        command = _command("report", name, quick, out)
        return write_findings(study, ledger, make_folder(out, is_out=True), command, Ran(0, {}), figures)


def write_findings(
    study: Study, ledger: Ledger, folder: Path, command: str, ran: Ran, figures: str = "svg"
) -> Reported[Findings]:
    """Write the report of a run from the ledger."""
    evidence = study_evidence(study, ledger)
    if all(piece.source == "baselines" for piece in evidence) and not ran.failed:  # they say nothing of a network
        raise AssayError(
            f"ledger {ledger.path} holds no evidence of {study.name}; 'assay run' gathers it{_others(folder)}"
        )
    findings = gather(study, evidence, command, ran.failed)
    return Reported(findings, ran.new, str(ledger.path), str(write_report(findings, folder, figures)))


def _others(folder: Path) -> str:
    """Which pages of a folder other commands write again; empty without any."""
    commands = {"probe-": "assay probe", "place-": "assay place"}
    found = [
        f"{page.name} is written again by '{command}'"
        for start, command in commands.items()
        for page in sorted(folder.glob(f"{start}*.html"))[:1]
    ]
    return "".join(f"; {one}" for one in found)


def _command(verb: str, name: str, quick: bool, out: Path) -> str:
    return " ".join(["assay", verb, name, *["--quick"] * quick, "--out", str(out)])
