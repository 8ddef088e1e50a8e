"""An error that names parameters names arguments in Python, and options on the command line."""

import ast
import inspect
import pickle
from pathlib import Path
from string import Formatter

import pytest
import typer

import assay
from assay.cli import app
from assay.cli.options import option_of
from assay.errors import AssayError, ParameterError
from assay.probing.chosen import probe_chosen
from test_cli import complaint

SOURCE = Path(assay.__file__).parent
PAIRS = [
    (
        lambda: assay.size(state=4, state_bits=3, values=2),
        ("size", "--state", 4, "--state-bits", 3, "--values", 2),
        "{state} and {state_bits} both say how much state there is: give one",
    ),
    (
        lambda: assay.size(keys=8, top=2),
        ("size", "--keys", 8, "--top", 2),
        "{keys} (heads) and {top} (retrieval) belong to different questions. heads: {head_width}, {keys}, ",
    ),
    (
        lambda: assay.size(head_width=8, keys=8, query_heads=2),
        ("size", "--head-width", 8, "--keys", 8, "--query-heads", 2),
        "{query_heads} and {key_heads} go together",
    ),
    (
        lambda: assay.size(head_width=8, keys=8, norm="1,x"),
        ("size", "--head-width", 8, "--keys", 8, "--norm", "1,x"),
        "{norm} = x is not allowed",
    ),
    (
        lambda: assay.bound("match2", length=4, head_width=2),
        ("bound", "match2", "--length", 4, "--head-width", 2),
        "{depth}, {loops}, {heads}, {head_width} and {options} need {architecture}: they describe it",
    ),
    (
        lambda: assay.baselines(distribution="uniform"),
        ("baselines", "--distribution", "uniform"),
        "{distribution} needs a task",
    ),
    (
        lambda: assay.boolean("parity", inputs=2, table="0110"),
        ("boolean", "parity", "--inputs", 2, "--table", "0110"),
        "either a function's name or {table} is needed",
    ),
    (
        lambda: assay.language("()"),
        ("language", "()"),
        "() names no letter; {alphabet} must say which there are",
    ),
    (
        lambda: assay.run("sparse-averaging", address="auto"),
        ("run", "sparse-averaging", "--address", "auto"),
        "{address} is for {engine} ray",
    ),
    (
        lambda: assay.place("lstm", on="s5", quick=True),
        ("place", "lstm", "--on", "s5", "--quick"),
        "leave it or {quick} out",
    ),
]


def line(template, spell):
    return template.format(**{name: spell(name) for _, name, _, _ in Formatter().parse(template) if name})


@pytest.mark.parametrize(("wrong", "words", "template"), PAIRS, ids=[words[0] for _, words, _ in PAIRS])
def test_python_names_the_argument_and_the_command_its_option(wrong, words, template, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AssayError) as raised:
        wrong()
    assert line(template, str) in str(raised.value)
    assert "--" not in str(raised.value)
    assert line(template, option_of) in complaint(*words, cwd=tmp_path)


def test_what_is_shown_is_no_template():
    error = ParameterError("{table} has {!r} of {}", "{bits}", "{}")
    assert str(error) == "table has '{bits}' of {}"
    assert error.spelt(option_of) == ("--table has '{bits}' of {}",)


def test_it_comes_back_from_a_worker_process_as_it_was():
    error = pickle.loads(pickle.dumps(ParameterError("{quick} or {on}, {} times", 3)))
    assert (str(error), error.spelt(option_of)) == ("quick or on, 3 times", ("--quick or --on, 3 times",))


def templates():
    """The constant lines of all `ParameterError(...)`, with their files."""
    for path in sorted(SOURCE.rglob("*.py")):
        if "ParameterError" in path.read_text("utf-8"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "ParameterError":
                    for part in ast.walk(node.args[0]):
                        if isinstance(part, ast.Constant) and isinstance(part.value, str):
                            yield path.name, part.value


def test_every_parameter_that_an_error_names_is_an_argument_and_an_option():
    """Of some function of `assay`, and of some command: what is not there cannot be given."""
    functions = [getattr(assay, name) for name in assay.__all__ if inspect.isfunction(getattr(assay, name))]
    functions.append(probe_chosen)  # which stands behind a command alone
    arguments = {name for function in functions for name in inspect.signature(function).parameters}
    commands = typer.main.get_command(app).commands.values()
    options = {option for command in commands for one in command.params for option in one.opts}
    found = [(file, name) for file, said in templates() for _, name, _, _ in Formatter().parse(said) if name]
    assert len(found) > 30
    for file, name in found:
        assert name in arguments, f"{file} names {name}"
        assert option_of(name) in options, f"{file} names {name}"


def test_no_other_error_names_an_option():
    """What functions raise has no `--x` of its own: that is for the command line to write."""
    for path in sorted(SOURCE.rglob("*.py")):
        if path.relative_to(SOURCE).parts[0] in ("cli", "report"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Raise) and node.exc is not None:
                said = "".join(
                    part.value
                    for part in ast.walk(node.exc)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                )
                without_commands = said.split("'assay ")[0].split("'huggingface-cli ")[0].split("pip install ")[0]
                assert "--" not in without_commands, f"{path}:{node.lineno}"
