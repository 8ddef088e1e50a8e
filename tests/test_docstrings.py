"""Ruff asks for docstrings of public modules, classes and functions; methods have them unless they override others."""

import importlib
import inspect
from pathlib import Path

import assay

ROOT = Path(assay.__file__).parent
NOT_IMPORTED = ("assay.__main__",)


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(["assay", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__")
        if name not in NOT_IMPORTED:
            yield importlib.import_module(name)


def lacking(kind):
    """Public methods and properties of a class that no class before it has, and that say nothing.

    Those of a protocol are said of in its own docstring.
    """
    if getattr(kind, "_is_protocol", False):
        return
    for name, member in vars(kind).items():
        function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        if name.startswith("_") or not inspect.isfunction(function) or function.__name__ == "<lambda>":
            continue
        if not function.__doc__ and not any(name in vars(base) for base in kind.__mro__[1:]):
            yield name


def test_methods_that_override_nothing_have_docstrings():
    kinds = {kind for module in modules() for kind in vars(module).values() if inspect.isclass(kind)}
    ours = [kind for kind in kinds if kind.__module__.startswith("assay.") and not kind.__name__.startswith("_")]
    assert len(ours) > 300
    assert sorted(f"{kind.__module__}.{kind.__qualname__}.{name}" for kind in ours for name in lacking(kind)) == []
