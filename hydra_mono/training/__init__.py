"""Training of the networks: worlds and data sets in, weights and a model card out."""
