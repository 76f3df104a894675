"""Backbones: an image becomes four feature maps."""
