"""Persons, roles and what they have certified."""
