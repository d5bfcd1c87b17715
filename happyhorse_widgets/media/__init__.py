"""Bytes in, bytes out: reference images and finished videos. No network, no state.

PyAV and NumPy take as long to import as all of the engine: they are imported where they are used, and a first cell that only
shows what there is does without.
"""
