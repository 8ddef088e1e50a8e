"""Trivial baselines, fitted: what is reached on a task by predictors that do not do it."""
