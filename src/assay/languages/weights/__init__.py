"""Explicit weights for regular languages: a recurrent layer, attention of logarithmic depth, attention that counts."""
