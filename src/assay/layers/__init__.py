"""Layers: one file each; the standard backbone makes an architecture of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.registry import Registry

if TYPE_CHECKING:
    from assay.layers.layer import Layer

LAYERS: Registry[type[Layer]] = Registry("layer", "assay.layers", "assay.layers.layer:Layer", accepts="torch.nn:Module")
