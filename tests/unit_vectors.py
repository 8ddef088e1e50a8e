"""Unit vectors of a seed, drawn one at a time and number by number: a twin of what retrieval starts from."""

import math

import numpy as np

from assay.tasks import counter


def drawn(seed, first, count, dimension):
    """The vectors that a seed stands for, one at a time and number by number."""
    vectors = []
    for index in range(first, first + count):
        words = counter.words(counter.example_keys(seed, "train", index, 1), 0, dimension + dimension % 2)[0]
        uniform = [((int(word) >> 12) + 0.5) / 2**52 for word in words]
        half = len(words) // 2
        radius = [math.sqrt(-2 * math.log(u)) for u in uniform[:half]]
        angle = [2 * math.pi * u for u in uniform[half:]]
        normal = [r * math.cos(a) for r, a in zip(radius, angle, strict=True)]
        normal += [r * math.sin(a) for r, a in zip(radius, angle, strict=True)]
        vectors.append(np.array(normal[:dimension]) / math.hypot(*normal[:dimension]))
    return np.array(vectors)
