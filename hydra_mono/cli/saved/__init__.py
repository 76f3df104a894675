"""Commands that query saved runs, or make many of them."""
