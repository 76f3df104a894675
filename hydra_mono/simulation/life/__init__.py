"""Who lives in a simulated building: figures, what they do when, and what they change."""
