"""Benchmarks: ``bin/bench NAME``; each compares us with peers beside us, in one run."""
