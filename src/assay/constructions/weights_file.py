"""Constructions as safetensors files: buffers, what made them, and the certificate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.arithmetic.torch_settings import settled
from assay.constructions import CONSTRUCTIONS
from assay.errors import AssayError, one_line, unknown
from assay.evidence import canonical
from assay.store.files import parse_json
from assay.store.source import require_named
from assay.store.tensors import read_tensors, write_tensors
from assay.tasks import TASKS, Task, stored_task

if TYPE_CHECKING:
    from torch import Tensor

    from assay.constructions.construction import Construction


@dataclass(frozen=True)
class Parts:
    """What a file holds: settings are such as the method declares, the certificate stands there as it is stated."""

    method: str
    task: Task
    settings: dict[str, object]
    tensors: dict[str, Tensor]
    certificate: str


def save_network(network: Construction, path: str | Path) -> None:
    """Write `network` to `path`, whole or not at all.

    Raises:
        AssayError: `path` cannot be written, or the network's class or its task's is in no file that could be named.
    """
    method, task = CONSTRUCTIONS.name_of(type(network)), network.task.to_json()
    for registry, name in ((CONSTRUCTIONS, method), (TASKS, task["name"])):
        registry.code(name)  # the file can be opened again
    metadata = {
        "method": method,
        "task": canonical(task),
        "settings": canonical(network.settings),
        "certificate": canonical(network.certificate().to_json()),
    }
    write_tensors(path, network.state_dict(), metadata)


def load_network(path: str | Path) -> Construction:
    """See `assay.load`. The stated guarantee is compared with the settings; `assay verify` alone looks at weights."""
    parts = read_parts(path, users=True)
    try:
        with settled():
            network = CONSTRUCTIONS[parts.method](parts.task, **parts.settings)
        _fill(network, parts.tensors)
        certificate = network.certificate()
        derived = canonical(certificate.to_json())
    except Exception as error:  # sizes that no machine has, formulas that overflow: what a file states may be anything
        raise AssayError(f"{path} holds no network that can be used: {one_line(str(error))}") from error
    if derived != parts.certificate:
        raise AssayError(f"{path} states a certificate that this version does not derive from its settings")
    if not certificate.guaranteed_error <= network.tolerance:
        raise AssayError(
            f"{path} states a tolerance of {network.tolerance:g}, but guarantees no error below "
            f"{certificate.guaranteed_error:.6g}"
        )
    return network


def read_parts(path: str | Path, *, users: bool = False) -> Parts:
    """What a file holds; `assay.build` takes the task and the tolerance.

    Args:
        path: of the file.
        users: whether it may need code of a user's own, which an error then says how to name.

    Raises:
        AssayError: no such file, one that does not hold a construction, or a method or task that is not installed under
            that name, nor was named in this process: what a file holds is never imported.
    """
    from assay.constructions.construction import check_request

    metadata, tensors = read_tensors(path)
    if "method" not in metadata:
        raise AssayError(f"{path} holds a trained network, which has no certificate; 'assay attack' takes it")
    task, settings = (parse_json(metadata.get(name, ""), f"{name} in {path}") for name in ("task", "settings"))
    if users:
        require_named(path, metadata["method"], task)
    if metadata["method"] not in CONSTRUCTIONS:
        raise unknown("construction", metadata["method"], CONSTRUCTIONS.names())
    CONSTRUCTIONS[metadata["method"]].check_settings(settings)
    made = stored_task(task)
    check_request(made, settings["tolerance"])
    return Parts(metadata["method"], made, settings, tensors, metadata.get("certificate", ""))


def _fill(network: Construction, tensors: dict[str, Tensor]) -> None:
    """Put a file's tensors into a network whose buffers have the same names, shapes and types.

    Raises:
        AssayError: it names the first that differs.
    """
    buffers = network.state_dict()
    if set(buffers) != set(tensors):
        raise AssayError(f"tensors {', '.join(sorted(tensors))} are stored; it has {', '.join(sorted(buffers))}")
    for name, buffer in buffers.items():
        form, wanted = ((one.dtype, tuple(one.shape)) for one in (tensors[name], buffer))
        if form != wanted:
            raise AssayError(f"{name} is stored as {form[0]} {form[1]}; it must be {wanted[0]} {wanted[1]}")
    network.load_state_dict(tensors)
