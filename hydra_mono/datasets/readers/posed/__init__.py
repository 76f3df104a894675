"""Images or a video, with poses and a calibration in whatever file they come."""
