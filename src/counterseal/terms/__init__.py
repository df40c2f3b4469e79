"""The glossary as types. Imports nothing of ours; every other room imports this one.

Sources of the words: ISO/IEC 2382-37 (biometrics), Cedar's documentation (policy), C2SP (log).
The meanings stand in GLOSSARY.md.
"""
