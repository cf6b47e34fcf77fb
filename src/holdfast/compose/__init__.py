"""A project of Docker Compose as values: read, decided, overridden. Nothing is run here."""
