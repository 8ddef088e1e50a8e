"""Evidence: one statement about a task and an architecture, with what it rests on.

Bounds, constructions and training all speak in this one value; the ledger stores it, the frontier and the report read
it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Literal

from assay.schema import Json, Result
from assay.sizes import Size

Verdict = Literal["impossible", "constructed", "learned", "not learned", "measured"]
ErrorKind = Literal["worst", "mean"]
PROVED, PUBLISHED, CONDITIONAL, MEASURED = "proved", "published", "conditional", "measured"


def canonical(value: object) -> str:
    """JSON text that is the same for equal values, whatever the order of their keys.

    >>> canonical({"b": 1, "a": [1.0, 2]})
    '{"a":[1.0,2],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical_line(path: object, text: str, value: object) -> str:
    """Why a file that holds this value is not the one line that certificates are; empty where it is.

    >>> canonical_line("proof.json", '{"a":1}', {"a": 1})
    "proof.json lacks the newline at its end: nothing else differs; 'echo >> proof.json' restores it"
    >>> canonical_line("proof.json", '{"a":1}\\n', {"a": 1})
    ''
    """
    if text == canonical(value) + "\n":
        return ""
    if text == canonical(value):
        return f"{path} lacks the newline at its end: nothing else differs; 'echo >> {path}' restores it"
    return (
        f"{path} has another layout, and its content as it was: a certificate is one line of JSON in ASCII, with "
        "sorted keys, each once, no spaces around them, numbers as Python prints them and a newline at the end; send "
        "the file as it was written, or write it anew in Python: Path(path).write_text(canonical(json.loads(text)) + "
        "'\\n'), with canonical of assay.evidence"
    )


def content_hash(value: object) -> str:
    """The first 32 hexadecimal digits of the SHA-256 of the canonical JSON: the key of a question."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What is said of a task and an architecture.

    Attributes:
        task: the task's name and parameters; as its question says, where a statement that answers one says nothing.
        family: attention, third-order, strassen, recurrent, feed-forward, ...
        architecture: whose size it is; the family's name where it holds for all architectures of the family.
        source: the bound's or construction's name, or `training`.
        size: the size spoken of. For `impossible`: the largest width that is excluded.
        verdict: impossible, constructed, learned, not learned; or measured, which proves nothing of other inputs.
        error_kind: whether `error` is the worst over all inputs or the task's mean error over a named distribution.
        error: the error reached (constructed: guaranteed; impossible: what no such network can get under).
        tolerance: the error at which the task counts as solved.
        justification: how the statement was obtained, in words.
        seconds: processor time it took.
        detail: whatever else is worth keeping, as plain JSON values.
    """

    task: Json = field(default_factory=dict)
    family: str
    architecture: str
    source: str
    size: Size
    verdict: Verdict
    error_kind: ErrorKind
    error: float
    tolerance: float
    justification: str
    seconds: float = 0.0
    detail: Json = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Evidence(Statement):
    """A statement that answers a question.

    Attributes:
        question: everything that determines the answer, as plain JSON values; its hash is the key in the ledger. See
            `assay.question.Question.of` for a view of it with fields.
        versions: what computed it.
    """

    question: Json
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Content hash of the question."""
        return content_hash(self.question)


@dataclass(frozen=True, repr=False)
class Verification(Result):
    """What checking a certificate came to.

    Attributes:
        file: the certificate.
        holds: whether every check passed.
        reason: the first thing that is wrong; empty if nothing is.
        claim: what was proved again, in a sentence; empty of weights, whose proof stands in `certificate`.
        answer: of a set of positions: whether a query with equal scores on it exists, `yes` or `no`; else None.
        at_least: of a Boolean function: its threshold degree is at least this; else None.
        at_most: the same, at most.
        checked: what was checked of weights, in order, up to what is wrong.
        certificate: of weights: what the file says; empty if it could not be read as a certificate.
    """

    file: str
    holds: bool
    reason: str = ""
    claim: str = ""
    answer: str | None = None
    at_least: int | None = None
    at_most: int | None = None
    checked: tuple[str, ...] = ()
    certificate: Json = field(default_factory=dict)

    @property
    def line(self) -> str:
        """Whether it holds, and what."""
        if not self.holds:
            return f"{self.file} does NOT hold: {self.reason}"
        if self.claim:
            return f"{self.file} holds: {self.claim}"
        proved = self.certificate["claim"]
        return f"{self.file} holds: worst-case error <= {proved['guaranteed_error']:.4g}, {proved['arithmetic']}"


@dataclass(frozen=True)
class Fact:
    """One statement about what was asked for, at all lengths unless it says otherwise.

    Attributes:
        name: what it speaks of.
        says: one sentence.
        status: `proved`, in the source or by what Assay computes; `published`, as its paper states it; `conditional` on
            an open question of complexity; `measured`.
        justification: the theorem, paper or measurement.
    """

    name: str
    says: str
    status: str
    justification: str
