"""What a set-up server is like: from facts, what is to change; none of it runs anything."""
