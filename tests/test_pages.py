"""Every block of code of the docs' tutorials and how-to pages runs, and prints what the page says.

`python tests/test_pages.py PAGE ...` puts what is printed now into pages where they say something else; what needs
minutes is run too with `--minutes`.
"""

import contextlib
import sys
import tempfile
from pathlib import Path

import pytest

import pages

DOCS = pages.ROOT / "docs"
PAGES = [pages.ROOT / "README.md"]
PAGES += sorted(path for folder in ("tutorials", "how-to") for path in (DOCS / folder).glob("*.md"))


def wrong(path, folder, minutes):
    found = pages.run(path.read_text("utf-8"), folder, minutes=minutes)
    return [(one.what, one.says, one.printed) for one in found if not one.holds]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_a_page_shows_is_what_happens(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert wrong(path, tmp_path, minutes=False) == []


@pytest.mark.long
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("path", [path for path in PAGES if "<!-- minutes -->" in path.read_text("utf-8")], ids=str)
def test_what_takes_minutes_is_what_happens(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert wrong(path, tmp_path, minutes=True) == []


def test_a_wrong_page_is_found_and_corrected(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (
        '```python title="two.py"\nTWO = 2\n```\n\n```python\nfrom two import TWO\nprint(TWO)\n```\n\n```text\n3\n```\n'
    )
    page += "\n```console\n$ assay bound match2 --length 8 --json\n{...}\n$ assay --version\nassay 9\n```\n"
    found = pages.run(page, tmp_path)
    assert [one.holds for one in found] == [False, True, False]
    fixed = pages.corrected(page, found)
    assert "```text\n2\n```" in fixed
    assert "{...}\n$ assay --version\nassay 0" in fixed


def record(paths, minutes):
    for path in paths:
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            page = path.read_text("utf-8")
            path.write_text(pages.corrected(page, pages.run(page, Path(folder), minutes=minutes)), "utf-8")


if __name__ == "__main__":
    record([Path(name).resolve() for name in sys.argv[1:] if name != "--minutes"], "--minutes" in sys.argv)
