"""What is made of a network's depth before it is fused."""
