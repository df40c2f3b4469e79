"""Professional responsibility and inspectors-general: questions to an agency's log, and a log of their own.

An audit office keeps a folder of its own, outside the agency's home. Every read is sealed in the office's own
log, durably, before its answer is shown; into the agency's home nothing is written but a finding that the
office hands over (HSI-M/4E5-audits). Decision: docs/adr/0019-the-audit-office-keeps-its-own-log.md.
"""
