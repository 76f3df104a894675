"""Floor plans and the inner surface of buildings."""
