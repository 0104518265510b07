"""Evaluation: scores by kind of model, image and set metrics, sample grids, latent analysis."""
