"""The numerical tests in new processes, under the kernels of other processors."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NUMERICAL = [
    "test_ambient.py",
    "test_constructions.py",
    "test_fixed_point.py",
    "test_large_n.py",
    "test_match_constructions.py",
    "test_precision.py",
    "test_probe.py",
    "test_probe_geometry.py",
    "test_probe_predictions.py",
    "test_proofs.py",
    "test_proofs_matching.py",
]


def flags():
    try:
        return set(Path("/proc/cpuinfo").read_text("utf-8").partition("flags")[2].partition("\n")[0].split())
    except OSError:
        return set()


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("openblas", "aten", "needs"),
    [("Prescott", "default", "pni"), ("Haswell", "avx2", "avx2"), ("SkylakeX", "default", "avx512f")],
)
def test_numbers_do_not_depend_on_the_processor(openblas, aten, needs):
    if needs not in flags():
        pytest.skip(f"this processor has no {needs}, or does not say")
    env = {**os.environ, "OPENBLAS_CORETYPE": openblas, "ATEN_CPU_CAPABILITY": aten, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "-m", "not long"]
    done = subprocess.run([*command, *NUMERICAL], cwd=HERE, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
