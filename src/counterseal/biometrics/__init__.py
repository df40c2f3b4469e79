"""Capture, quality, templates, comparison, identification, and the engines behind one protocol.

One still with one face in; a comparison score or a ranked candidate list out. No operation takes a
stream, a video or a crowd, and none knows about cases, purposes or persons by name.
"""
