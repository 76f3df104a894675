"""Walls, gaps between them and storeys, seen from above; places and rooms are parted by them."""
