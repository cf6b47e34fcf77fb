"""The story of a deploy: plan, steps, strategies, journal, engine, recovery."""
