"""What evidence says together: frontiers, laws of growth, grids, and what theorems predict of trained layers."""
