"""Holdfast: from source to production on one server, release after release."""

__version__ = "0.1.0"
