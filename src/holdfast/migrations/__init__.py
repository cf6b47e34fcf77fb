"""What a release's migrations are: which of them are pending (judging them comes later)."""
