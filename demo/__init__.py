"""``bin/demo``: two real apps, replaced under load, and an account of what visitors saw."""
