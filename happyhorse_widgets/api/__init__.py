"""Scenario's wire, async only."""
