"""Test and evaluation of face recognition: error rates, intervals, differences between groups, verdicts, reports.

Scores are read (`reading/`) into `comparisons.Comparisons`; `evaluate` measures them into one plain document (its
keys: docs/reference/evaluation.md); `protocol` holds the plan that was frozen before and gives a verdict on
each goal; `report/` shows the document. numpy and scipy only, but for reading Parquet and drawing reports.
"""
