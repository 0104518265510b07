"""Datasets, the drawing of the synthetic ones, and the corruptions shared by training and tabs."""
