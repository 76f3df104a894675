"""Damaged inputs for every reader; the tests and ``benchmarks/fuzz.py`` share them."""
