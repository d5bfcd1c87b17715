"""Comparisons that can be published: votes and their rankings, agreement of raters, metrics, sweeps and reports.

Needs the extra `research` (pandas, scipy and more), which is imported where it is used.
"""
