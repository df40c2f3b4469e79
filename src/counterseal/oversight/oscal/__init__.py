"""OSCAL 1.1 documents in JSON: our clauses as a catalog, what holds them as a component, what was seen as results."""
