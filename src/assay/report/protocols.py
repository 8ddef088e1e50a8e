"""How the report and the terminal say what a protocol came to."""

from __future__ import annotations

import json

from assay.examine.protocols.channel import Sent
from assay.examine.protocols.protocol import Outcome, Witness
from assay.examine.protocols.running import ProtocolRun

_LONGEST = 400  # characters of an input that are shown


def protocol_lines(run: ProtocolRun) -> list[tuple[str, str]]:
    """A run as pairs of a name and a line of text."""
    outcome = run.outcome
    return [
        ("protocol", f"{outcome.protocol}: {outcome.source}"),
        ("network", _network(run)),
        *((f"held, {party}", holding) for party, holding in outcome.parties.items()),
        *(("sent", _sent(message)) for message in outcome.sent),
        ("counted", _count(outcome)),
        *([("answers", _answers(outcome, outcome.wrong))] if outcome.wrong is not None else []),
        *(
            [("messages", f"{outcome.messages} different ones of {outcome.messages_of}")]
            * (outcome.messages is not None)
        ),
        *([("compared", _compared(outcome.differs))] if outcome.differs is not None else []),
        *(_witness(outcome.witness) if outcome.witness is not None else []),
        *((name.replace("_", " "), _short(value)) for name, value in outcome.more.items()),
        ("justification", outcome.justification),
    ]


def _network(run: ProtocolRun) -> str:
    """The network, its task and the format of its numbers."""
    task = ", ".join(f"{key} {value}" for key, value in run.task.items() if key != "name")
    numbers = run.numbers
    form = f"; numbers of {numbers[0]} bits, {numbers[1]} of them after the point" if numbers else ""
    return f"{run.network} on {run.task['name']} ({task}){form}"


def _sent(message: Sent) -> str:
    """One message and its bits."""
    return (
        f"{message.sender}: {message.what}, {message.numbers} x {message.bits_each} = {message.bits} bits "
        f"({message.size_bytes} bytes as sent)"
    )


def _count(outcome: Outcome) -> str:
    """What the network has against what the theorem asks for."""
    verdict = "not excluded" if outcome.available >= outcome.needed else "TOO FEW"
    return f"{outcome.available:g} {outcome.resource}, where at least {outcome.needed:.6g} are needed: {verdict}"


def _answers(outcome: Outcome, wrong: int) -> str:
    """Right answers out of how many, beside what answers that do not look get wrong."""
    base = ", ".join(f"'{name}' {outcome.runs - missed}" for name, missed in outcome.baselines.items())
    return f"{outcome.runs - wrong} of {outcome.runs} right{f'; constant answers: {base}' if base else ''}"


def _compared(differs: float) -> str:
    """Whether the parties together answer as the whole network does."""
    return (
        "as the whole network, bit for bit" if differs == 0 else f"differ from the whole network by up to {differs:.3g}"
    )


def _witness(witness: Witness) -> list[tuple[str, str]]:
    """Two inputs that the network cannot tell apart."""
    certain = witness.at_least > 0
    error = f"{witness.error:.6g}"
    return [
        ("collision" if certain else "tried", witness.same),
        ("  input 1", _short(witness.first)),
        ("  input 2", _short(witness.second)),
        ("  exact", f"{_short(witness.targets[0])} and {_short(witness.targets[1])} at token {witness.token}"),
        ("  answers", f"{_short(witness.answers[0])} and {_short(witness.answers[1])}"),
        ("  error", f"{error}; one must err by at least {witness.at_least:.6g}" if certain else error),
    ]


def _short(value: object) -> str:
    if isinstance(value, dict) and value and all(isinstance(entry, int | float) for entry in value.values()):
        value = ", ".join(f"{name}: {entry:.6g}" for name, entry in value.items())
    text = value if isinstance(value, str) else json.dumps(_rounded(value))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ... ({len(text)} characters; --json has them all)"


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_rounded(entry) for entry in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
