"""Components shared by the tabs: widgets, handlers, visitor input, networks, texts."""
