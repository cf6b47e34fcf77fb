"""The command line: one file a verb; ``show`` draws what they answer."""
