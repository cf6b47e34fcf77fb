"""Who is here, what they say, and what time it is."""

VERSION = "1"
