"""Thin shells around the core: they do what the decisions say, with the adapters they are given."""
