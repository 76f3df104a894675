"""What the first frames of a sequence say of its poses, calibration, depth and up."""
