"""One file a group of commands. `cli/main.py` loads a file when one of its commands is called."""
