"""Counterseal: the gateway that every face recognition use of an agency passes through."""

__version__ = "0.1.0"
