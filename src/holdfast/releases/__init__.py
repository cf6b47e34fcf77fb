"""Releases on disk: made from source, linked to what persists, kept, pruned."""
