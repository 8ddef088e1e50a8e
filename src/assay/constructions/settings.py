"""What a construction's settings may be: each construction declares its own, and nothing else says what they are."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeGuard

from assay.errors import AssayError, require, unknown


@dataclass(frozen=True)
class Setting:
    """The values that one setting may have.

    Attributes:
        allowed: which, in words.
        fits: whether a JSON value, of whatever type, is one of them.
    """

    allowed: str
    fits: Callable[[object], bool]


def is_number(value: object) -> TypeGuard[float]:
    """Whether this is a finite number that a float64 can hold, and no truth value."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and -sys.float_info.max <= value <= sys.float_info.max


def is_whole(value: object) -> bool:
    """Whether this is a whole number from 1 to 2^31, and no truth value."""
    return type(value) is int and 1 <= value <= 1 << 31


def one_of(*names: str) -> Setting:
    """One of these texts."""
    return Setting(f"one of {', '.join(names)}", lambda value: isinstance(value, str) and value in names)


POSITIVE = Setting("a finite number above 0", lambda value: is_number(value) and value > 0)
NOT_NEGATIVE = Setting("a finite number, at least 0", lambda value: is_number(value) and value >= 0)
SHARE = Setting("a number above 0 and below 1", lambda value: is_number(value) and 0 < value < 1)
WHOLE = Setting("a whole number from 1 to 2^31", is_whole)
FLOAT_DTYPE = one_of("float32", "float64")


def check_settings(method: str, declared: Mapping[str, Setting], settings: object) -> None:
    """Refuse settings other than those that a construction declares, or with other values.

    >>> check_settings("heads", {"temperature": NOT_NEGATIVE}, {"temperature": True})
    Traceback (most recent call last):
    assay.errors.AssayError: setting temperature of heads = True is not allowed; it must be a finite number, at least 0

    Raises:
        AssayError: it names the setting, the value given and what is allowed.
    """
    if not isinstance(settings, dict):
        raise AssayError(f"settings of {method} are a {type(settings).__name__}; they must be a JSON object")
    for name in sorted(set(settings) - set(declared)):
        raise unknown(f"setting of {method}", name, declared)
    lacking = [name for name in declared if name not in settings]
    if lacking:
        raise AssayError(f"settings of {method} lack {', '.join(lacking)}")
    for name, setting in declared.items():
        require(setting.fits(settings[name]), f"setting {name} of {method}", repr(settings[name])[:80], setting.allowed)
