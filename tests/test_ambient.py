"""What torch was set to around a guarantee must not reach it: constructions answer alike, or refuse in one line."""

from contextlib import contextmanager
from functools import cache, partial

import numpy as np
import pytest
import torch

from assay import AssayError
from assay.constructions import CONSTRUCTIONS, build
from assay.models.structured import SHORTEST
from assay.tasks import make_task

FURTHER = {"sparse-averaging": {"sparsity": 2, "dimension": 2}, "match3-local": {"window": 1}}
LENGTHS = (12, SHORTEST + 6)  # with scores, and without them where there is a way
MOST = {"graph-gather": SHORTEST, "sign": 12, "window": 12}  # the last two have no other way, and a long search
TOLERANCES = (None, 1e-9)  # that float32 carries, where it carries any, and that only float64 does

CASES = [
    pytest.param(
        method,
        task,
        length,
        tolerance,
        id=f"{method}-{task}-{length}-{tolerance or 'usual'}",
        marks=[pytest.mark.long] * (tolerance is not None),
    )
    for method in CONSTRUCTIONS.names()
    for task in CONSTRUCTIONS[method].solves
    for length in LENGTHS
    for tolerance in TOLERANCES
    if length <= MOST.get(method, length)
]


@contextmanager
def kept(read, write, value):
    before = read()
    write(value)
    try:
        yield
    finally:
        write(before)


def backend(operations, value):
    return kept(lambda: operations.fp32_precision, partial(setattr, operations, "fp32_precision"), value)


@contextmanager
def deterministic():
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@contextmanager
def default_device():
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)


SETTINGS = {
    "autocast bfloat16": lambda: torch.autocast("cpu", torch.bfloat16),
    "autocast float16": lambda: torch.autocast("cpu", torch.float16),
    **{
        f"default {dtype}": partial(kept, torch.get_default_dtype, torch.set_default_dtype, dtype)
        for dtype in (torch.float64, torch.float16, torch.bfloat16)
    },
    "default device": default_device,
    "within a device": lambda: torch.device("meta"),
    **{
        f"products {value}": partial(
            kept, torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, value
        )
        for value in ("medium", "high")
    },
    "mkldnn bf16": lambda: backend(torch.backends.mkldnn.matmul, "bf16"),
    "deterministic": deterministic,
    "inference": torch.inference_mode,
    "no gradients": torch.no_grad,
    "numpy raises": lambda: np.errstate(all="raise"),
}


@cache
def made(method, name, length, tolerance):
    task = make_task(name, length=length, **FURTHER.get(name, {}))
    try:
        unit = build(task, method=method, tolerance=tolerance)
    except AssayError as error:
        assert tolerance is not None
        return str(error)
    inputs, targets, _ = task.sample(3, seed=0)
    return unit, inputs, targets, unit(inputs)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize(("method", "name", "length", "tolerance"), CASES)
def test_a_construction_answers_alike_whatever_torch_is_set_to(method, name, length, tolerance, setting):
    case = made(method, name, length, tolerance)
    if isinstance(case, str):
        pytest.skip(case)
    unit, inputs, targets, answers = case
    certificate = unit.certificate()
    with SETTINGS[setting]():
        found = unit(inputs)
        stated = unit.certificate()
        errors = unit.task.answer.errors(found, targets).max().item()
        again = build(unit.task, method=method, tolerance=tolerance)
        drawn = unit.task.sample(3, seed=0)
        assert torch.equal(again(drawn.inputs), answers)
    assert torch.equal(found, answers)
    assert found.dtype == answers.dtype
    assert stated == certificate == again.certificate()
    assert errors <= certificate.guaranteed_error
    for buffer, same in zip(unit.buffers(), again.buffers(), strict=True):
        assert buffer.dtype == same.dtype
        assert torch.equal(buffer, same)


UNITS = [
    pytest.param(method, task, id=f"{method}-{task}")
    for method in CONSTRUCTIONS.names()
    for task in CONSTRUCTIONS[method].solves
]


def unit_of(method, name, length=12):
    case = made(method, name, length, None)
    return build(case[0].task, method=method), *case[1:]


def answer(unit, inputs):
    """The answers, or why there are none."""
    try:
        return unit(inputs), ""
    except AssayError as refused:
        return None, str(refused)


@pytest.mark.parametrize("cast", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize(("method", "name"), UNITS)
def test_weights_that_a_cast_has_changed_guarantee_nothing(method, name, cast):
    unit, inputs, _, answers = unit_of(method, name)
    found, refused = answer(unit.to(cast), inputs)
    if found is None:
        assert str(cast).removeprefix("torch.") in refused
        with pytest.raises(AssayError):
            unit.certificate()
    else:  # its buffers are whole numbers, which no cast to a floating dtype touches
        assert torch.equal(found, answers)


def test_what_a_cast_has_lost_does_not_come_back():
    unit, inputs, _, answers = unit_of("trigonometric", "match2")
    whole = {name: buffer.clone() for name, buffer in unit.state_dict().items()}
    with pytest.raises(AssayError, match="changed by a cast to float16"):
        unit.half().float()(inputs)
    unit.load_state_dict(whole)
    assert torch.equal(unit(inputs), answers)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int16, torch.uint8, torch.float32])
def test_residues_of_any_dtype_are_the_residues_or_refused(dtype):
    """Squares of residues below 10^6 do not fit into 32 bits."""
    task = make_task("match2", length=200, modulus=10**6)
    unit = build(task, method="parabola")
    residues = task.sample(20, seed=0).inputs % 200
    residues[:, ::2] = (task.modulus - residues[:, 1::2]) % task.modulus if dtype == torch.int32 else 0
    wanted = task.targets(residues)
    found, refused = answer(unit, residues.to(dtype))
    if found is None:
        assert str(dtype).removeprefix("torch.") in refused
    else:
        assert not task.answer.errors(found, wanted).gt(0.5).any()


@pytest.mark.parametrize(("method", "name"), UNITS)
def test_a_batch_of_none_has_no_answers(method, name):
    unit, inputs, targets, answers = unit_of(method, name)
    none = type(inputs)(*(part[:0] for part in inputs)) if isinstance(inputs, tuple) else inputs[:0]
    found = unit(none)
    assert (found.shape, found.dtype) == ((0, *targets.shape[1:]), answers.dtype)


SIGN_2048 = pytest.param("sign", 2048, marks=pytest.mark.long)  # its keys are searched for


@pytest.mark.parametrize(
    ("method", "length"),
    [("cyclic", 40), ("cyclic", 2048), ("cyclic", 4096), ("heads", 40), ("heads", 4096), ("sign", 40), SIGN_2048],
)
def test_gradients_by_values_are_those_of_the_mean(method, length):
    """Every pointer's value has the weight 1/q, up to the guaranteed error, and no other has any."""
    task = make_task("sparse-averaging", length=length, sparsity=2, dimension=1, layout="last")
    unit = build(task, method=method)
    values, pointers = task.sample(1, seed=0).inputs
    values = values.clone().requires_grad_()
    unit(type(task.sample(1, seed=0).inputs)(values, pointers)).sum().backward()
    wanted = torch.zeros_like(values)
    wanted[0, pointers[0, 0]] = 0.5
    assert (values.grad - wanted).abs().sum() <= 2 * unit.certificate().guaranteed_error


def test_denormal_numbers_may_be_flushed():
    units = [unit_of(method, name) for method, name in [("heads", "sparse-averaging"), ("parabola", "match2")]]
    torch.set_flush_denormal(True)
    try:
        for unit, inputs, targets, _ in units:
            assert unit.task.answer.errors(unit(inputs), targets).max() <= unit.certificate().guaranteed_error
    finally:
        torch.set_flush_denormal(False)


@pytest.mark.parametrize("method", ["trigonometric", "parabola"])
def test_what_is_compiled_calls_it_as_it_is(method):
    unit, inputs, _, answers = unit_of(method, "match2")
    assert torch.equal(torch.compile(unit, backend="eager")(inputs), answers)


def test_what_cannot_keep_the_guarantee_is_refused():
    unit, inputs, _, _ = unit_of("trigonometric", "match2")
    long, many, _, _ = unit_of("trigonometric", "match2", SHORTEST + 6)
    for refused, where in ((unit, inputs), (long, many)):
        with pytest.raises(Exception, match="cannot be exported or traced"):
            torch.export.export(refused, (where,))
    with pytest.raises(AssayError, match=r"cannot be transformed by torch\.func"):
        torch.func.vmap(unit)(inputs.unsqueeze(1))
