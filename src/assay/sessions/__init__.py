"""What `assay run`, `assay probe` and `assay place` do, also from Python."""
