"""Boolean functions of few bits: how many heads one softmax layer needs for them, proved and by explicit weights."""

from assay.booleans.function import BooleanFunction

__all__ = ["BooleanFunction"]
