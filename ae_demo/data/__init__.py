"""Datasets, how the drawn ones are drawn, and the corruptions that training and tabs share."""
