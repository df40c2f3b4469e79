"""What `counterseal demo` shows: a synthetic agency with synthetic people."""
