"""Pages for people. Empty so far: nothing is served yet."""
