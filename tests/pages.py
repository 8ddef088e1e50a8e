"""Pages of the docs as what they show: files, Python, commands, and what these print.

A page's blocks are run in their order in one folder: a block with a `title` is a file of that name; Python runs in one
namespace, and a block of text right behind it is what it printed; of a console block the lines after `$ assay ...` are
what the command printed, standard output first. `...` stands for anything, and white space is compared as one blank.

    <!-- numbers vary -->     in front of a block: it was measured, and processors differ, so that numbers may, too
    <!-- minutes -->          the block is run by tests marked `long` only, and what needs it, too
    <!-- refused -->          the command is to end with exit code 2
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
from dataclasses import dataclass, replace
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path

from fresh import assay

ROOT = Path(__file__).parent.parent
_BLOCK = re.compile(r"((?:^<!-- [^\n]* -->\n)*)^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*(?:e[+-]?\d+)?")


@dataclass(frozen=True)
class Block:
    """A fenced block: where its text begins in the page, its language, title, marks in front of it, and text."""

    at: int
    language: str
    title: str
    marks: frozenset[str]
    text: str
    behind: bool  # whether only a blank line is between the block before and this one


@dataclass(frozen=True)
class Shown:
    """What a page says that something prints, and what it printed."""

    at: int
    what: str
    says: str
    printed: str
    marks: frozenset[str]

    @property
    def holds(self) -> bool:
        """Whether the page is right."""
        return self._alike(self.says, self.printed)

    @property
    def stale(self) -> bool:
        """Whether a page that is right has other numbers all the same, in a text without gaps."""
        return "..." not in self.says and self.says.split() != self.printed.split()

    def _alike(self, says: str, printed: str) -> bool:
        if "numbers vary" in self.marks:
            says, printed = (_NUMBER.sub("#", text) for text in (says, printed))
        return OutputChecker().check_output(says + "\n", printed + "\n", ELLIPSIS | NORMALIZE_WHITESPACE)


def blocks(page: str) -> list[Block]:
    """All fenced blocks of a page."""
    found, end = [], -2
    for match in _BLOCK.finditer(page):
        marks = frozenset(re.findall(r"<!-- (.*) -->", match[1]))
        title = re.search(r'title="([^"]+)"', match[3])
        behind = not page[end : match.start()].strip()
        found.append(Block(match.start(4), match[2], title[1] if title else "", marks, match[4], behind))
        end = match.end()
    return found


def run(page: str, folder: Path, *, minutes: bool = False) -> list[Shown]:
    """Run a page's blocks in a folder, which is the current one; what was printed, in order."""
    shown, namespace, printed = [], {"__name__": "__main__"}, None
    for block in blocks(page):
        if "minutes" in block.marks and not minutes:
            printed = None
        elif block.title:
            (folder / block.title).write_text(block.text, "utf-8")
        elif block.language == "python":
            printed = _printed_by(block.text, namespace, folder)
        elif block.language == "text" and block.behind and printed is not None:
            shown.append(Shown(block.at, "the Python above", block.text, printed, block.marks))
            printed = None
        elif block.language == "console":
            shown += _commands(block, folder)
    return shown


def _printed_by(code: str, namespace: dict, folder: Path) -> str:
    output = io.StringIO()
    sys.path.insert(0, str(folder))  # as Python does with the folder that it is started in
    try:
        with contextlib.redirect_stdout(output):
            exec(compile(code, "page", "exec"), namespace)
    finally:
        sys.path.remove(str(folder))
    return output.getvalue()


def _commands(block: Block, folder: Path) -> list[Shown]:
    shown, at = [], block.at
    for part in re.split(r"^(?=\$ )", block.text, flags=re.MULTILINE):
        command, _, says = part.partition("\n")
        if part:
            name, *arguments = shlex.split(command.removeprefix("$ "), comments=True)
            assert name == "assay", f"{command} is no command of Assay"
            done = assay(*arguments, cwd=folder, timeout=1200)
            assert done.returncode == (2 if "refused" in block.marks else 0), f"{command}: {done.stderr}"
            printed = done.stdout + (done.stderr if "refused" in block.marks else "")
            shown.append(Shown(at + len(command) + 1, command, says, printed, block.marks))
        at += len(part)
    return shown


def corrected(page: str, shown: list[Shown]) -> str:
    """The page with what was printed in place of what is wrong in it."""
    for one in sorted(shown, key=lambda one: -one.at):
        if one.stale or not one.holds:
            page = page[: one.at] + replace(one, says=one.printed.rstrip() + "\n").says + page[one.at + len(one.says) :]
    return page
