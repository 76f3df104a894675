"""The layered scene graph itself: nodes, symbols, verbs and the feed of changes."""
