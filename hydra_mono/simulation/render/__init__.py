"""Images of a simulated world."""
