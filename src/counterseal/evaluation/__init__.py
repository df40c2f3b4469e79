"""Rates, intervals and differentials of ISO/IEC 19795. Empty so far."""
