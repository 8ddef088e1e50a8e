"""Threads of the libraries that numpy and scipy call for matrices."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[object]:
    """Within it numpy and scipy compute on one thread: several that wait for each other are slower on a shared machine.

    >>> import numpy as np
    >>> with one_thread():
    ...     values = np.linalg.eigvalsh(np.eye(2))
    >>> values.tolist()
    [1.0, 1.0]
    """
    return _libraries("scipy.linalg" in sys.modules).limit(limits=1, user_api="blas")


@cache
def _libraries(_scipy: bool) -> ThreadpoolController:
    """Those of the process, looked for again once scipy has brought its own: that takes 10 ms."""
    from threadpoolctl import ThreadpoolController  # slow to import

    return ThreadpoolController()
