"""Cells trained from scratch: a chosen one by its protocol, or a whole space on small images."""
