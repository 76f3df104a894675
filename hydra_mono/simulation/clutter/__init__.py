"""Small objects in heaps and people, as in homes and offices that are lived in."""
