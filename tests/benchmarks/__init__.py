"""Measurements that are run by hand: each prints its figures, and fails nothing."""
