"""Methods trained side by side under one budget, and the table that compares them."""
