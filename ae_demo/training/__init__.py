"""Training: loops, recipes, sessions, and helpers used in training only."""
