"""The gate itself: the loop, and the words in which it waits, tells and ends."""
