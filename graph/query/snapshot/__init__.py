"""The graph as it is at an instant, laid out for questions; names and facts of its nodes."""
