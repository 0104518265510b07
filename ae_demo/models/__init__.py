"""One module per network architecture."""
