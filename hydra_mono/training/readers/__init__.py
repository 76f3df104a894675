"""Data sets as samples with truth."""
