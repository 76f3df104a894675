"""What applications on phones with a depth sensor export."""
