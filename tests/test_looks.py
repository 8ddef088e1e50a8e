"""Colours of charts can be told from a white page and from a dark one."""

import re
from pathlib import Path

import pytest

import assay.report
from assay.report.looks import _FURTHER, _LOOKS, GREY, SERIES, SOFT

CSS = (Path(assay.report.__file__).parent / "report.css").read_text("utf-8")
PAGES = re.findall(r"--page: (#[0-9a-f]{3,6})", CSS)


def luminance(colour):
    """Relative luminance by WCAG 2."""
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_pages_are_light_and_dark():
    assert [luminance(page) > 0.5 for page in PAGES] == [True, False]


@pytest.mark.parametrize("page", PAGES)
def test_colours_stand_out(page):
    for colour in (GREY, SOFT, *SERIES, *(look.colour for look in (*_LOOKS.values(), *_FURTHER))):
        assert contrast(colour, page) > 2.9, colour


def test_looks_differ():
    every = [*_LOOKS.values(), *_FURTHER]
    assert len(set(every)) == len(every)
