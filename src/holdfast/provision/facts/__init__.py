"""What a server is like: read in one go, by parsers that know text alone."""

from holdfast.provision.facts.model import (
    AptValue,
    Facts,
    File,
    Listener,
    Setting,
    SshLine,
    Unit,
    User,
)

__all__ = ["AptValue", "Facts", "File", "Listener", "Setting", "SshLine", "Unit", "User"]
