"""Rooms: places grouped between walls, and the building over them."""
