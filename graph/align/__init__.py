"""Two maps in one frame: how a second visit's map lies in that of the first."""
