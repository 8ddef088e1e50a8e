"""Finite groups: named and read, their structure and characters, and what their word problem takes."""

from assay.groups.group import Group, Table
from assay.groups.named import named_group

__all__ = ["Group", "Table", "named_group"]
