"""Scripts that ask a framework, run by the app's own Python; never imported into ours.

They must work on every Python from 3.8 and need nothing but the standard library.
``common.py`` and one other are put together by :mod:`holdfast.detect.probing`.
"""
