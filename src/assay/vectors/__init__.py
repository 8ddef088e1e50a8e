"""Which relevance sets can document embeddings rank on top at all, with which margin, and why not?

`examine` is the whole of it; `assay embeddings` shows what it found. Below it: `documents` (the numbers, and their
products with queries), `hulls` and `active_set` (the largest margin), `ranking` and `certificates` (exact arithmetic),
`quantise`, `duplicates`, `shattering` (what the sets need, whatever the documents), `reading`, `answers`, `findings`.
"""

from assay.vectors.findings import Answer, Examination, PrecisionFinding
from assay.vectors.session import examine

__all__ = ["Answer", "Examination", "PrecisionFinding", "examine"]
