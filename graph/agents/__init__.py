"""Agents: who moves, and where they went."""
