"""The arithmetic that answers are computed in: settings of torch, fixed-point numbers, bounds of rounding errors."""
