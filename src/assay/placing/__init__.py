"""Placing a layer: a battery of tasks, the layer's rows on it, and known layers' beside them."""
