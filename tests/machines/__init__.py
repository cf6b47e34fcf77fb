"""Real Debian servers to test against: systemd-nspawn containers on this machine.

From the ground up: ``host`` (what this machine must have), ``inherit`` (what a server takes over
from it: mirror, certificates, settings of pip), ``image`` (one root file system a release, made
once), ``disk`` (one server's copy of it), ``network`` (a bridge for each test process),
``container`` (boots one), ``machine`` (what a test asks of a server), ``bed`` (a test process's
servers, and what killed test runs left).
"""
