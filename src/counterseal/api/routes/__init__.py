"""The routes of the interface, a file a subject. No rule lives here: each calls one verb or one reading."""
