"""Attention over pairs of positions, exactly and without the tensor of all scores."""
