"""Bytes in, bytes out: reference images and finished videos. No network, no state."""
