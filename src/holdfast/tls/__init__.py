"""Certificates: asked of a CA, renewed, put where the edge finds them, and explained."""
