"""What the README and the examples show runs as it stands."""

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_readme_python_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    guaranteed, measured, proved = capsys.readouterr().out.splitlines()
    assert 0 < float(re.search(r"tensor\(([^,)]*)", measured)[1]) <= float(guaranteed.split()[0])
    assert 0 < float(proved.split()[0]) <= 1 / 6  # the tolerance at q = 3


def test_the_examples_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for example in sorted((ROOT / "examples").glob("*.py")):
        runpy.run_path(str(example), run_name="__main__")
        assert capsys.readouterr().out


def test_the_readme_names_only_commands_that_exist():
    from assay.cli import app

    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    used = set(re.findall(r"^ +assay (\w+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE))
    assert used <= known
    assert {"run", "build", "check", "bound"} <= used


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

