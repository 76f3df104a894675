"""Batches: cached, live and photographed views, cropped and coloured."""
