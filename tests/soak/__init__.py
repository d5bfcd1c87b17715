"""A soak: many clips in flight for minutes, with faults of all kinds, and nothing left over."""
