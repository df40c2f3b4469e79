"""Face recognition services, each behind one port, in a process of its own that verifies receipts itself."""
