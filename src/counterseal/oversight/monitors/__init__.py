"""Monitors: rules over whole histories of the log, the same for the supervisor and for an auditor outside."""
