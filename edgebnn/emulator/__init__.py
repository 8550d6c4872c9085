"""Executing a deployment: the fast path on the host and the firmware on an emulated chip."""
