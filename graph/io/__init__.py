"""The graph as files that people, planners and other libraries read."""
