"""What a person or a program sees: events as they come, plans, tables."""
