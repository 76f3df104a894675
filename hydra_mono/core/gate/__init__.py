"""Which frames may be mapped: their stamps, their poses and what they show are judged in order."""
