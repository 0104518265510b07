"""Objectives, loops, metrics, and the table of everything that is trained."""
