"""Release of trained checkpoints: evaluation, model cards, README tables."""
