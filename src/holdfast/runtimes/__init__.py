"""What runs processes: one contract, several runtimes (``supervisor``; later others)."""
