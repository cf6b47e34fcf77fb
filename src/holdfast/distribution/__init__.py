"""What Python's packages need of the distribution, by the names that Debian and Ubuntu have for it.

Two tables of ours, and no third: :mod:`headers` has what packages are compiled with,
:mod:`parts` what they load and run. Nothing a project says becomes a package's name.
"""
