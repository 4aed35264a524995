"""How each migration tool is had, and what is recorded of it: one module per tool."""
