"""Cyclic convolutions of residues by fast Fourier transforms, with a bound on their error."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import fft

LARGEST_TRANSFORM = 1 << 25  # numbers: 256 MB, and as much for a spectrum
_ROUNDOFF = 2.0**-53

Numbers = NDArray[np.float64]


def transform_length(modulus: int) -> int:
    """Of a cyclic transform where M has small factors only, else of one that is folded afterwards.

    >>> transform_length(1024), transform_length(1009)
    (1024, 2025)
    """
    return modulus if fft.next_fast_len(modulus, real=True) == modulus else fft.next_fast_len(2 * modulus, real=True)


def transform_error(modulus: int) -> float:
    """Error of an entry of a cyclic convolution of x and y, divided by ||x|| ||y||.

    A transform of length n of factors up to 11 has a relative error below 8 u log2 n in the Euclidean norm (Higham,
    "Accuracy and Stability of Numerical Algorithms", Theorem 24.2, has about 7 u log2 n for factors of 2); there are
    three of them, a product of spectra, and a sum where they are folded, for which log2 n is taken 4 larger.
    """
    return 24 * _ROUNDOFF * (math.log2(transform_length(modulus)) + 4)


def cyclic_convolution(left: Numbers, right: Numbers | None = None) -> Numbers:
    """Entry s is the sum of left_a right_b over all a + b = s mod M, (M,); of `left` with itself if alone.

    Time O(M log M), memory 6 M numbers at most.

    >>> cyclic_convolution(np.array([1.0, 2.0, 0.0])).round(9).tolist()  # (1 + 2 z)^2
    [1.0, 4.0, 4.0]
    """
    modulus = len(left)
    size = transform_length(modulus)
    spectrum = fft.rfft(left, size)
    spectrum *= spectrum if right is None else fft.rfft(right, size)
    product = fft.irfft(spectrum, size, overwrite_x=True)
    if size != modulus:
        product[: modulus - 1] += product[modulus : 2 * modulus - 1]
    return product[:modulus]
