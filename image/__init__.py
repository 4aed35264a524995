"""What builds the root of the image, and what imports the modules in it."""
