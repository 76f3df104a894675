"""Commands that ask saved runs, or make many of them."""
