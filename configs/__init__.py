"""Data the package ships: label spaces and presets."""
