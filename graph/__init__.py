"""The layered scene graph and the algorithms that grow it."""
