"""Pages of the docs site that are made of the package: what is registered, commands, public names, papers, notebooks.

`mkdocs build` calls the functions named `on_...`. Nothing here imports torch: docstrings are read as text.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from typer.core import TyperArgument, TyperOption
from typer.main import get_command

import assay
from assay.bounds import BOUNDS
from assay.cli import app
from assay.constructions import CONSTRUCTIONS
from assay.examine.protocols import PROTOCOLS
from assay.layers import LAYERS
from assay.models import NETWORKS
from assay.references import cited_in, papers
from assay.registry import Registry
from assay.tasks import TASKS

ROOT = Path(__file__).parent.parent
SOURCE = Path(assay.__file__).parent
KINDS = {
    "tasks": ("Tasks", "What is asked of a sequence. Every parameter is an option of commands.", (TASKS,)),
    "architectures": ("Layers and networks", "What is trained, with its options.", (LAYERS, NETWORKS)),
    "constructions": ("Constructions", "Explicit weights, each with a certificate.", (CONSTRUCTIONS,)),
    "bounds": ("Bounds", "Lower bounds as objects. The docstring is the proof.", (BOUNDS,)),
    "protocols": ("Protocols", "Reductions that are run on a network, bits counted.", (PROTOCOLS,)),
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made, and those of notebooks in place of the notebooks."""
    pages = {f"reference/{kind}.md": registered_page(*about) for kind, about in KINDS.items()}
    pages["reference/commands.md"] = commands_page()
    pages["reference/python.md"] = python_page()
    pages["reference/papers.md"] = papers_page()
    for name in ("changelog", "contributing"):
        pages[f"{name}.md"] = (ROOT / f"{name.upper()}.md").read_text("utf-8")
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    for file in [file for file in files if file.src_uri.endswith(".ipynb")]:
        notebook = json.loads(Path(file.abs_src_path).read_text("utf-8"))
        files.append(File.generated(config, file.src_uri.replace(".ipynb", ".md"), content=notebook_page(notebook)))
    return files


def registered_page(title: str, says: str, registries: tuple[Registry, ...]) -> str:
    """All entries of some registries: name, what it is, what to type, papers."""
    entries = [(name, registry) for registry in registries for name in registry.names() if registry.path(name)]
    table = [f"| [`{name}`](#{name}) | {cell(registry.summary(name))} |" for name, registry in entries]
    parts = [part for name, registry in entries for part in entry_parts(name, registry)]
    return "\n".join([f"# {title}", "", says, "", "| name | what it is |", "|---|---|", *table, "", *parts])


def entry_parts(name: str, registry: Registry) -> Iterator[str]:
    """One entry: its text as `assay show` prints it, its signature, its papers."""
    path = registry.path(name)
    tree = ast.parse(path.read_text("utf-8"))
    module = ".".join(["assay", *path.relative_to(SOURCE).with_suffix("").parts])
    kind = next(node for node in tree.body if isinstance(node, ast.ClassDef) and is_registered(node))
    yield f"## {name}\n"
    yield f"{registry.summary(name)}.\n"
    rest = (ast.get_docstring(tree) or "").partition("\n")[2].strip()
    if rest:
        yield f"```text\n{rest}\n```\n"
    yield f"::: {module}.{kind.name}\n    options:\n      heading_level: 3\n"
    found = cited_in(path.read_text("utf-8"))
    if found:
        yield "Papers: " + ", ".join(f"[{paper.key}](papers.md#{paper.key})" for paper in found) + ".\n"


def is_registered(node: ast.ClassDef) -> bool:
    """Whether the class is its file's entry."""
    return any(ast.unparse(one).endswith(".register") for one in node.decorator_list)


def commands_page() -> str:
    """Help of every command, from the declarations that `--help` prints."""
    parts = ["# Commands", "", "`assay COMMAND --help` prints the same in the terminal.", ""]
    for name, command in get_command(app).commands.items():
        options = [one for one in command.params if one.name != "help"]
        parts += [f"## {name}", "", command.help or "", ""]
        if command.context_settings.get("allow_extra_args"):
            parts += ["Parameters of the task are options too: `assay show TASK` lists them.", ""]
        if options:
            parts += ["| option | default | meaning |", "|---|---|---|", *map(option_row, options), ""]
    return "\n".join(parts)


def option_row(option: TyperArgument | TyperOption) -> str:
    """A row of an argument or option."""
    names = option.opts if isinstance(option, TyperOption) else [option.name.upper()]
    given = "" if option.default in (None, "", False) else f"`{option.default}`"
    return f"| {', '.join(f'`{name}`' for name in names)} | {given} | {cell(option.help or '')} |"


def python_page() -> str:
    """The public names, each from the docstring of the module it lives in."""
    names = [name for name in assay.__all__ if name in assay._HOMES]
    tasks = [name for name in names if assay._HOMES[name].startswith("assay.tasks.")]
    links = [f"[`{name}`](tasks.md#{assay._HOMES[name].rpartition('.')[2].replace('_', '-')})" for name in tasks]
    others = [name for name in names if name not in tasks]
    parts = [f"## {name}\n\n::: {home_of(name)}\n    options:\n      {MEMBERS}\n" for name in others]
    lead = "`import assay` imports none of these; each comes with its module when it is first used."
    return "\n".join(["# Python", "", lead, "", f"Tasks have a page of their own: {', '.join(links)}.", "", *parts])


def home_of(name: str) -> str:
    """The full name of a public one."""
    module, _, attribute = assay._HOMES[name].partition(":")
    return f"{module}.{attribute or name}"


MEMBERS = 'heading_level: 3\n      members: null\n      filters: ["!^_"]\n      show_if_no_docstring: false'


def papers_page() -> str:
    """The bibliography; `assay cite NAME` prints what one thing rests on."""
    parts = ["# Papers", "", "`assay cite NAME` prints those that a name rests on, as BibTeX.", ""]
    for key, paper in papers().items():
        parts += [f"## {key}", "", paper.apa(), "", "```bibtex", paper.bibtex(), "```", ""]
    return "\n".join(parts)


def notebook_page(notebook: dict) -> str:
    """A notebook as Markdown: texts as they stand, code, and what the code printed when the notebook was last run."""
    parts = []
    for entry in notebook["cells"]:
        text = "".join(entry["source"])
        parts.append(text if entry["cell_type"] == "markdown" else f"```python\n{text}\n```")
        for output in entry.get("outputs", []):
            parts.append(output_block(output))
    return "\n\n".join(parts)


def output_block(output: dict) -> str:
    """What a cell printed or showed; the richest form that a page can have."""
    data = output.get("data", {})
    if "image/svg+xml" in data:
        return f'<div class="cell-output">{"".join(data["image/svg+xml"])}</div>'
    if "text/html" in data:
        return f'<div class="cell-output">{"".join(data["text/html"])}</div>'
    text = "".join(output.get("text", data.get("text/plain", "")))
    return f'<div class="cell-output" markdown>\n\n```text\n{text.rstrip()}\n```\n\n</div>'


def cell(text: str) -> str:
    """A text that may stand in a table."""
    return " ".join(text.split()).replace("|", "\\|")
