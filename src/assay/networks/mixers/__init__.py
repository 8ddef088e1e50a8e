"""Mixers: one file each; the standard backbone makes an architecture of them."""
