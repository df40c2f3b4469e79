"""Signals: what in a history of searches a supervisor should look at, each with its reason in words.

Pure functions over plain rows: no Django, no clock, no storage. `gateway/raise_signals.py` brings the rows and makes
findings of what comes out.
"""
