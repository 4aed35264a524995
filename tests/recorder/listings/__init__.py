"""What the tools themselves take for migrations, in trees that have one oddity each."""
