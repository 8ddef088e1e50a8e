"""Results as text for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.probing.chosen import Chosen


def rounded(value: Any) -> Any:
    """Numbers with four digits after the point, in any nesting of lists."""
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value


def fields_text(fields: dict[str, Any]) -> str:
    """A name and a value on each line; what is empty is left out."""
    shown = {name: value for name, value in fields.items() if name != "size" and value not in ("", [], {})}
    width = max(map(len, shown))
    return "\n".join(f"{name.replace('_', ' '):<{width}}  {field(value)}" for name, value in shown.items())


def built_text(built: dict[str, Any]) -> str:
    """What was built, and its proof if it was asked for."""
    text = fields_text({name: value for name, value in built.items() if name != "proof"})
    return text if "proof" not in built else f"{text}\n\n{proof_text(built['proof'])}"


def checked_text(checked: dict[str, Any]) -> str:
    """What a trial came to, the verdict last; a guarantee that a file states is said to be the file's."""
    guarantee = f"{field(checked['guaranteed_error'])}, as the file states; 'assay verify' proves a certificate"
    error = "no answer" if checked["largest_error"] is None else checked["largest_error"]
    fields = {**checked, "largest_error": error, "guaranteed_error": guarantee}
    del fields["guarantee_stated_by"]
    if checked["holds"]:
        del fields["reason"]
    return fields_text(fields)


def proof_text(claim: dict[str, Any]) -> str:
    """A guarantee, its steps, and what is assumptions."""
    which = "every answer that it gives" if claim["refuses"] else "every answer"
    guarantee = f"proved: {which} errs by at most {claim['guaranteed_error']:.6g}, in {claim['arithmetic']}"
    steps = [f"  {number}. {step['statement']}\n     {step['how']}" for number, step in enumerate(claim["steps"], 1)]
    refuses = ["  inputs without a certificate are refused by the network"] if claim["refuses"] else []
    return "\n".join([guarantee, *steps, f"  assumptions: {'; '.join(claim['assumes'])}", *refuses])


def verified_text(result: dict[str, Any]) -> str:
    """What was checked, and the reason if it does not hold."""
    lines = [*(f"  {line}" for line in result["checked"])]
    if result["holds"]:
        return "\n".join([f"{result['file']} holds", *lines, proof_text(result["certificate"]["claim"])])
    return "\n".join([f"{result['file']} does NOT hold: {result['reason']}", *lines])


def field(value: Any) -> str:
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


def bounds_text(result: dict[str, Any]) -> str:
    """What each bound says of each architecture; architectures of which it says the same share a line."""
    if not result["bounds"]:
        return f"no bound speaks of this: {result['task']['name']}"
    lines, said = [], {}
    for row in result["bounds"]:
        known = "" if row["justified"] == "proved" else f" ({row['justified']}, not proved)"
        head = f"{row['bound']}{known}: {row['resource']} {row['cut']}, {row['error_kind']} error {row['error']:g}"
        said.setdefault(head, {}).setdefault(_bound_line(row), []).append(row["architecture"])
    for head, groups in said.items():
        lines.append(head)
        lines += [f"  {', '.join(names)}: {line}" for line, names in groups.items()]
    return "\n".join(lines)


def _bound_line(row: dict[str, Any]) -> str:
    if row["status"] is None or row["reason"]:
        found = row["reason"] or f"at least {_amount(row['required'])}, so {_open_widths(row)}"
    else:
        excluded = "impossible" if row["justified"] == "proved" else "excluded, but for the sampling"
        verdict = excluded if row["status"] == "binds" else "not excluded"
        has, needs = _amount(row["available"]), _amount(row["required"])
        found = f"width {row['width']} has {has} of at least {needs}: {row['status']}, {verdict}; {_open_widths(row)}"
    return found


def _amount(number: float) -> str:
    """Whole numbers in full, others to a tenth.

    >>> _amount(1048575.0), _amount(8.8517)
    ('1,048,575', '8.9')
    """
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.1f}"


def _open_widths(row: dict[str, Any]) -> str:
    smallest = row["smallest_width"]
    return "no width is left open" if smallest is None else f"width >= {smallest}"


def estimate_text(found: dict[str, Any]) -> str:
    """What a study will ask, how long it takes and the disk it needs."""
    rows = [("questions", "answered", "processor", "")]
    rows += [
        (
            f"{part['questions']:.0f}",
            str(part["answered"]),
            _duration(part["seconds"]),
            f"{part['name']}: {part['justification']}",
        )
        for part in found["parts"]
    ]
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:3]]
    lines = [
        "  ".join([*(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    ]
    workers = f"{found['workers']} worker{'s' * (found['workers'] != 1)}"
    total = (
        f"{found['study']}: about {found['questions']} questions to ask, {found['answered']} answered; about "
        f"{_duration(found['processor_seconds'])} of one processor, {_duration(found['seconds'])} with {workers}; "
        f"{found['disk_bytes'] / 1e6:.1f} MB of disk, of {found['free_bytes'] / 1e9:.1f} GB free"
    )
    return "\n".join([*lines, total])


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def communication_text(summary: dict[str, Any]) -> str:
    """What is known of a communication matrix."""
    return fields_text({name: _inner(value) for name, value in summary.items() if name != "split_vc"}) + (
        f"\nsplit-VC           {_inner(summary['split_vc'])}"
    )


def _inner(value: Any) -> Any:
    if not isinstance(value, dict) or "justification" not in value:
        return value
    lists = {"pairs", "shattered", "apart", "nodes", "exact", "splits"}
    said = [f"{key.replace('_', ' ')} {entry}" for key, entry in value.items() if key not in {*lists, "justification"}]
    return f"{', '.join(said)} ({value['justification']})"


def attack_text(result: dict[str, Any]) -> str:
    """The worst input that was found, by what, and what that shows."""
    tried = f"tried: {', '.join(f'{count} {method}' for method, count in result['tried'].items())}"
    counts = f"{tried}; refused: {result['refused']}"
    if result["error"] is None:
        return f"{result['network']}: no answer; it rests on {result['justification']}\n{counts}"
    guaranteed = result["guaranteed_error"]
    if guaranteed is None:
        held = f"{'above' if result['exceeds_tolerance'] else 'within'} its tolerance of {result['tolerance']:.6g}"
    else:
        whose = "the file's guarantee" if result["guarantee_stated_by"] == "file" else "guarantee"
        held = f"{whose} of {guaranteed:.6g} {'BROKEN' if result['broken'] else 'not broken'}"
    constants = ", ".join(f"{name} {error:.6g}" for name, error in result["constants"].items())
    return "\n".join(
        [
            f"{result['network']}: largest error {result['error']:.6g} at token {result['token']}, {held}",
            f"found by {result['found_by']}; answered {rounded(result['network_answer'])}, "
            f"exactly {rounded(result['exact_answer'])}",
            *(f"  {name} {rounded(tensor)}" for name, tensor in result["worst_input"].items()),
            counts,
            f"constant answers on these inputs: {constants}",
            f"justification: {result['justification']}",
        ]
    )


def protocol_text(result: dict[str, Any]) -> str:
    """Who holds what, what was sent, and what came of it."""
    from assay.report.protocols import ProtocolRun

    return "\n".join(f"{name:<12} {line}".rstrip() for name, line in ProtocolRun.from_json(result).lines)


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
