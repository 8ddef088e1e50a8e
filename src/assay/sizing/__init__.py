"""How large must it be, and what fits? One answer first, then what it rests on: documents, heads, pairs."""
