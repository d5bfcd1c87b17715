"""A local server that speaks Scenario's API and renders simulated clips. Another process, reached over HTTP."""
