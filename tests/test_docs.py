"""What the README and the examples show runs as it stands."""

import re
import runpy
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from assay.cli import app
from assay.tasks import TASKS, parameters_of

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = get_command(app).commands
_LINE = re.compile(r"^(?:    |\$ |.*&& )(?:\$ )?assay ([a-z].*)$", re.MULTILINE)  # of a block, or in a sentence:
_INLINE = re.compile(r"`assay ([a-z][^`]*)`")


def commands_in(page):
    """Commands that a page shows, each with the names of its options."""
    for line in _LINE.findall(page.replace("\\\n", " ")) + _INLINE.findall(page):
        words = shlex.split(line.partition("  #")[0].replace("...", ""), comments=True)
        yield words[0], [word.partition("=")[0] for word in words[1:] if word.startswith("--")]


def test_the_examples_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for example in sorted((ROOT / "examples").glob("*.py")):
        runpy.run_path(str(example), run_name="__main__")
        assert capsys.readouterr().out


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_commands_that_a_page_names_exist_with_their_options(path):
    for command, options in commands_in(path.read_text("utf-8")):
        assert command in COMMANDS, f"assay {command}"
        known = {name for one in COMMANDS[command].params for name in one.opts}
        if COMMANDS[command].context_settings.get("allow_extra_args"):
            known |= {f"--{name.replace('_', '-')}" for task in TASKS.names() for name in parameters_of(task)}
        assert set(options) <= known | {"--help"}, f"assay {command}"


def test_the_readme_has_the_commands_that_people_begin_with():
    used = {command for command, _ in commands_in((ROOT / "README.md").read_text("utf-8"))}
    assert {"run", "place", "build", "size", "language", "cite"} <= used


def test_the_python_of_the_page_on_probing_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "probing.md").read_text("utf-8"), re.DOTALL)
    exec(compile(code, "probing.md", "exec"), {})
    advice, reach = capsys.readouterr().out.splitlines()
    assert advice.startswith("MultiheadAttention at N = 128")
    assert set(eval(reach)) == {1, 2, 4}
    assert list((tmp_path / "assay-out").glob("probe-*.html"))


def test_the_python_of_the_page_on_the_engine_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "engine.md").read_text("utf-8"), re.DOTALL)
    exec(compile(code, "engine.md", "exec"), {})
    errors = eval(capsys.readouterr().out)
    assert len(errors) == 4
    assert all(0 <= error <= 1 for error in errors)
