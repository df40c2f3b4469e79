"""Public figures: what is counted, what is kept back, and how anybody computes it again. No Django in here."""
