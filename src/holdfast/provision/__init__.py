"""A bare server made fit for the internet: what is there, what is to change, and why.

``facts`` reads, ``operations`` decides from facts alone and changes nothing, ``apply`` and
``guard`` carry out what was decided. All of it runs on the server, out of memory
(:mod:`holdfast.servers.reach`): before a plan is confirmed not one file is written there.
"""
