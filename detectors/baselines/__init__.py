"""Baselines: what a series should have been, from its past only."""
