"""Migration histories: read them from a database, and judge them."""
