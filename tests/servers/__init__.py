"""Real servers that tests start and throw away."""
