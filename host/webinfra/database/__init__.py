"""Keeps this host's MySQL server in the role that the primary pointer gives it: observe, decide, act."""
