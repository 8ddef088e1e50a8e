"""Communication complexity of small functions: a task under a split of its positions between two parties.

Exact ranks, fooling sets, one-way messages and VC dimensions of the matrix of all answers, each with a witness and with
whether it is exact or a lower bound. For functions of up to 2^22 inputs.
"""

from __future__ import annotations

from assay.examine.communication.fooling import FoolingSet, fooling_set, is_fooling_set
from assay.examine.communication.matrix import (
    AnswerTable,
    CommunicationMatrix,
    communication_matrix,
    matrix_of,
    table_of,
    task_table,
)
from assay.examine.communication.one_way import OneWay, may_share, one_way
from assay.examine.communication.rank import rank_mod_2, rational_rank
from assay.examine.communication.summary import communication_summary, summarise
from assay.examine.communication.two_way import TwoWay, two_way
from assay.examine.communication.vc import SplitVCDimension, VCDimension, split_vc, vc_dimension

__all__ = [
    "AnswerTable",
    "CommunicationMatrix",
    "FoolingSet",
    "OneWay",
    "SplitVCDimension",
    "TwoWay",
    "VCDimension",
    "communication_matrix",
    "communication_summary",
    "fooling_set",
    "is_fooling_set",
    "matrix_of",
    "may_share",
    "one_way",
    "rank_mod_2",
    "rational_rank",
    "split_vc",
    "summarise",
    "table_of",
    "task_table",
    "two_way",
    "vc_dimension",
]
