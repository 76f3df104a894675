"""What an image says: depth, labels, normals, edges."""
