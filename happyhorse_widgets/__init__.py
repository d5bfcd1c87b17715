"""Widgets, an async engine and a sandbox for Happy Horse, the reference-to-video model, through Scenario's API."""
