"""What evidence says together: frontiers, laws of growth, sweeps, and what theorems predict of trained layers."""
