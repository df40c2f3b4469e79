"""The interface for other programs. Empty so far: nothing is served yet."""
