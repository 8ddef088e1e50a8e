"""Results as text for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.bounds.report import BoundRow
    from assay.evidence import Verification
    from assay.examine.attacks import Attack
    from assay.examine.protocols.running import ProtocolRun
    from assay.probing.chosen import Chosen
    from assay.schema import Json, Result
    from assay.sessions.build import Built, Checked
    from assay.sessions.limits import Bounded, Communication
    from assay.studies.estimate import Estimate
    from assay.tasks import Task


def rounded(value: object) -> object:
    """Numbers with four digits after the point, in any nesting of lists."""
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value


def fields_text(fields: Json) -> str:
    """A name and a value on each line; what is empty is left out."""
    shown = {name: value for name, value in fields.items() if name != "size" and value not in ("", [], {})}
    width = max(map(len, shown))
    return "\n".join(f"{name.replace('_', ' '):<{width}}  {field(value)}" for name, value in shown.items())


def result_text(found: Result) -> str:
    """The fields of a result."""
    return fields_text(found.to_json())


def built_text(built: Built) -> str:
    """What was built, and its proof if it was asked for: of its two guarantees it is said what each rests on."""
    fields = {name: value for name, value in built.to_json().items() if name not in ("certificate", "proof")}
    if built.proof is None:
        return fields_text(fields)
    proved = field(built.proof["guaranteed_error"])
    fields["guaranteed_error"] = (
        f"{field(fields['guaranteed_error'])}, of any weights built with these settings; {proved} is proved of the "
        "numbers in this file, below"
    )
    return f"{fields_text({**fields, 'certificate': built.certificate})}\n\n{proof_text(built.proof)}"


def checked_text(checked: Checked) -> str:
    """What a trial came to, the verdict last; a guarantee that a file states is said to be the file's."""
    guarantee = f"{field(checked.guaranteed_error)}, as the file states; 'assay verify' proves a certificate"
    error = "no answer" if checked.largest_error is None else checked.largest_error
    fields = {**checked.to_json(), "largest_error": error, "guaranteed_error": guarantee}
    del fields["guarantee_stated_by"]
    return fields_text(fields)


def proof_text(claim: Json) -> str:
    """A guarantee, its steps, and what is assumptions."""
    from assay.tasks import task_from_json

    task = task_from_json(claim["task"])
    which = "every answer that it gives" if claim["refuses"] else "every answer"
    guarantee = (
        f"proved {_all_inputs(task)}: {which} errs by at most {claim['guaranteed_error']:.6g} ({_error(task)}), in "
        f"{claim['arithmetic']}, rounding included"
    )
    steps = [f"  {number}. {step['statement']}\n     {step['how']}" for number, step in enumerate(claim["steps"], 1)]
    refuses = ["  inputs without a certificate are refused by the network"] if claim["refuses"] else []
    return "\n".join([guarantee, *steps, f"  assumptions: {'; '.join(claim['assumes'])}", *refuses])


def _all_inputs(task: Task) -> str:
    from assay.tasks.sparse_averaging import SparseAveraging

    if isinstance(task, SparseAveraging):
        return f"over all sets of {task.sparsity} pointers and all values in the unit ball"
    return task.all_inputs


def _error(task: Task) -> str:
    """What a worst-case error measures."""
    from assay.tasks.answers import Bits, Reals

    if isinstance(task.answer, Reals):
        return "Euclidean distance from the exact answer"
    if isinstance(task.answer, Bits):
        return "distance from the exact answer, 0 or 1"
    return "0 where the right class has the largest output, else 1"


def verified_text(found: Verification) -> str:
    """What was checked, and the reason if it does not hold."""
    if not found.certificate:  # a claim in a sentence
        return fields_text({name: value for name, value in found.to_json().items() if value is not None})
    lines = [f"  {line}" for line in found.checked]
    if found.holds:
        return "\n".join([f"{found.file} holds", *lines, proof_text(found.certificate["claim"])])
    return "\n".join([f"{found.file} does NOT hold: {found.reason}", *lines])


def field(value: object) -> str:
    """One value."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {entry}" for key, entry in value.items())
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def listing_text(entries: dict[str, dict[str, str]]) -> str:
    """Names and their lines, by kind."""
    width = max((len(name) for names in entries.values() for name in names), default=0)
    lines = []
    for kind, names in entries.items():
        lines += ["", kind, *[f"  {name:<{width}}  {summary}" for name, summary in names.items()]]
    return "\n".join(lines[1:])


def bounds_text(found: Bounded) -> str:
    """What each bound says of each architecture; architectures of which it says the same share a line."""
    if not found.bounds:
        return f"no bound speaks of this: {found.task['name']}"
    lines, said = [], {}
    for row in found.bounds:
        known = "" if row.justified == "proved" else f" ({row.justified}, not proved)"
        head = f"{row.bound}{known}: {row.resource} {row.cut}, {row.error_kind} error {row.error:g}"
        said.setdefault(head, {}).setdefault(_bound_line(row), []).append(row.architecture)
    for head, groups in said.items():
        lines.append(head)
        lines += [f"  {', '.join(names)}: {line}" for line, names in groups.items()]
    return "\n".join([*lines, *filter(None, [found.undeclared])])


def _bound_line(row: BoundRow) -> str:
    if row.available is None or row.reason:
        return row.reason or f"at least {_amount(row.required)}, so {_open_widths(row)}"
    excluded = "impossible" if row.justified == "proved" else "excluded, but for the sampling"
    verdict = excluded if row.status == "binds" else "not excluded"
    has, needs = _amount(row.available), _amount(row.required)
    return f"width {row.width} has {has} of at least {needs}: {row.status}, {verdict}; {_open_widths(row)}"


def _amount(number: float) -> str:
    """Whole numbers in full, others to a tenth.

    >>> _amount(1048575.0), _amount(8.8517)
    ('1,048,575', '8.9')
    """
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.1f}"


def _open_widths(row: BoundRow) -> str:
    return "no width is left open" if row.smallest_width is None else f"width >= {row.smallest_width}"


def estimate_text(found: Estimate) -> str:
    """What a study will ask, how long it takes and the disk it needs."""
    rows = [("questions", "answered", "processor", "")]
    rows += [
        (f"{part.questions:.0f}", str(part.answered), _duration(part.seconds), f"{part.name}: {part.justification}")
        for part in found.parts
    ]
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:3]]
    lines = [
        "  ".join([*(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    ]
    workers = f"{found.workers} worker{'s' * (found.workers != 1)}"
    free = "" if found.free_bytes is None else f", of {found.free_bytes / 1e9:.1f} GB free"
    total = (
        f"{found.study}: about {found.questions} questions to ask, {found.answered} answered; about "
        f"{_duration(found.processor_seconds)} of one processor, {_duration(found.seconds)} with {workers}; "
        f"{found.disk_bytes / 1e6:.1f} MB of disk{free}"
    )
    return "\n".join([*lines, total])


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def communication_text(found: Communication) -> str:
    """What is known of a communication matrix."""
    summary = found.to_json()
    return fields_text({name: _inner(value) for name, value in summary.items() if name != "split_vc"}) + (
        f"\nsplit-VC           {_inner(summary['split_vc'])}"
    )


def _inner(value: object) -> object:
    if not isinstance(value, dict) or "justification" not in value:
        return value
    lists = {"pairs", "shattered", "apart", "nodes", "exact", "splits"}
    said = [f"{key.replace('_', ' ')} {entry}" for key, entry in value.items() if key not in {*lists, "justification"}]
    return f"{', '.join(said)} ({value['justification']})"


def attack_text(found: Attack) -> str:
    """The worst input that was found, by what, and what that shows."""
    tried = f"tried: {', '.join(f'{count} {method}' for method, count in found.tried.items())}"
    counts = f"{tried}; refused: {found.refused}"
    if found.error is None or found.worst_input is None:
        return f"{found.network}: no answer; it rests on {found.justification}\n{counts}"
    if found.guaranteed_error is None:
        held = f"{'above' if found.exceeds_tolerance else 'within'} its tolerance of {found.tolerance:.6g}"
    else:
        whose = "the file's guarantee" if found.guarantee_stated_by == "file" else "guarantee"
        held = f"{whose} of {found.guaranteed_error:.6g} {'BROKEN' if found.broken else 'not broken'}"
    constants = ", ".join(f"{name} {error:.6g}" for name, error in found.constants.items())
    return "\n".join(
        [
            f"{found.network}: largest error {found.error:.6g} at token {found.token}, {held}",
            f"found by {found.found_by}; answered {rounded(found.network_answer)}, "
            f"exactly {rounded(found.exact_answer)}",
            *(f"  {name} {rounded(tensor)}" for name, tensor in found.worst_input.items()),
            counts,
            f"constant answers on these inputs: {constants}",
            f"justification: {found.justification}",
        ]
    )


def protocol_text(run: ProtocolRun) -> str:
    """Who holds what, what was sent, and what came of it."""
    from assay.report.protocols import protocol_lines

    return "\n".join(f"{name:<12} {line}".rstrip() for name, line in protocol_lines(run))


def chosen_sets_text(result: Chosen) -> str:
    """What each head can do with the user's sets."""
    on = f" on the text {result.text}" if result.text else ""
    lines = [f"{result.name}{on}: a query that sees {result.length} keys. {result.note}".rstrip()]
    known = result.rows[0].reach is not None
    rows = [["layer", "head", "positions", *(("in reach", "margin") if known else ("exists", "separates", "norm"))]]
    for row in result.rows:
        if known:
            margin = "" if row.margin is None else f"{row.margin:+.4g}"
            told = [str(row.reach), margin]
        else:
            norm = "none found" if row.needed_norm is None else f"{row.needed_norm:.4g}"
            told = [str(row.exists), str(row.separates), norm]
        rows.append([str(row.layer), str(row.head), ",".join(map(str, row.positions)), *told])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines += ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    wanted = f"equal scores on the set and {result.mass:.0%} of the softmax there"
    lines.append(
        f"in reach: a query of the ellipsoid of the head's own has {wanted}; margin: of the best, in nats of log-odds"
        if known
        else f"norm: the least of a query with {wanted}; what the head's queries reach is not known without them"
    )
    if result.certificate:
        proof = result.certificate
        margin = "" if proof.margin is None else f", margin {proof.margin:.4g}"
        lines.append(
            f"exists, proved in exact arithmetic: {proof.answer}{margin}; {proof.file} ('assay verify' checks it)"
        )
    return "\n".join(lines)
