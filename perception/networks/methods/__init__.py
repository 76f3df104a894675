"""Methods of multi-task dense prediction, one file each, on any pyramid of features."""
