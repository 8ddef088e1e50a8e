"""How the report and the terminal say what a protocol came to."""

from __future__ import annotations

import json
from typing import Any

_LONGEST = 400  # characters of an input that are shown


def protocol_lines(result: dict[str, Any]) -> list[tuple[str, str]]:
    """A run of a protocol (see `assay.examine.protocols.running`) as pairs of a name and a line of text."""
    return [
        ("protocol", f"{result['protocol']}: {result['source']}"),
        ("network", network_text(result)),
        *((f"held, {party}", holding) for party, holding in result["parties"].items()),
        *(("sent", sent_text(message)) for message in result["sent"]),
        ("counted", count_text(result)),
        *([("answers", answers_text(result))] if result["wrong"] is not None else []),
        *([("messages", messages_text(result))] if result["messages"] is not None else []),
        *([("compared", compared_text(result["differs"]))] if result["differs"] is not None else []),
        *witness_lines(result["witness"]),
        *((name.replace("_", " "), _short(value)) for name, value in result["more"].items()),
        ("rests on", result["rests_on"]),
    ]


def network_text(result: dict[str, Any]) -> str:
    """The network, its task and the format of its numbers."""
    task = ", ".join(f"{key} {value}" for key, value in result["task"].items() if key != "name")
    numbers = result["numbers"]
    form = f"; numbers of {numbers[0]} bits, {numbers[1]} of them after the point" if numbers else ""
    return f"{result['network']} on {result['task']['name']} ({task}){form}"


def sent_text(message: dict[str, Any]) -> str:
    """One message and its bits."""
    each, count = message["bits_each"], message["numbers"]
    return (
        f"{message['sender']}: {message['what']}, {count} x {each} = {message['bits']} bits "
        f"({message['size_bytes']} bytes as sent)"
    )


def count_text(result: dict[str, Any]) -> str:
    """What the network has against what the theorem asks for."""
    verdict = "not excluded" if result["available"] >= result["needed"] else "TOO FEW"
    needed = f"{result['needed']:.6g}"
    return f"{result['available']:g} {result['resource']}, where at least {needed} are needed: {verdict}"


def answers_text(result: dict[str, Any]) -> str:
    """Right answers out of how many, beside what answers that do not look get wrong."""
    right = result["runs"] - result["wrong"]
    base = ", ".join(f"'{name}' {result['runs'] - wrong}" for name, wrong in result["baselines"].items())
    return f"{right} of {result['runs']} right{f'; constant answers: {base}' if base else ''}"


def messages_text(result: dict[str, Any]) -> str:
    """How many of the messages differ."""
    return f"{result['messages']} different ones of {result['messages_of']}"


def compared_text(differs: float) -> str:
    """Whether the parties together answer as the whole network does."""
    return (
        "as the whole network, bit for bit" if differs == 0 else f"differ from the whole network by up to {differs:.3g}"
    )


def witness_lines(witness: dict[str, Any] | None) -> list[tuple[str, str]]:
    """Two inputs that the network cannot tell apart; nothing where there are none."""
    if witness is None:
        return []
    certain = witness["at_least"] > 0
    error = f"{witness['error']:.6g}"
    return [
        ("collision" if certain else "tried", witness["same"]),
        ("  input 1", _short(witness["first"])),
        ("  input 2", _short(witness["second"])),
        ("  exact", f"{_short(witness['targets'][0])} and {_short(witness['targets'][1])} at token {witness['token']}"),
        ("  answers", f"{_short(witness['answers'][0])} and {_short(witness['answers'][1])}"),
        ("  error", f"{error}; one must err by at least {witness['at_least']:.6g}" if certain else error),
    ]


def _short(value: Any) -> str:
    if isinstance(value, dict) and value and all(isinstance(entry, int | float) for entry in value.values()):
        value = ", ".join(f"{name}: {entry:.6g}" for name, entry in value.items())
    text = value if isinstance(value, str) else json.dumps(_rounded(value))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ... ({len(text)} characters; --json has them all)"


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_rounded(entry) for entry in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
