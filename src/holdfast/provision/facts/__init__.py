"""What a server is like: read in one go, by parsers that know text alone."""

from holdfast.provision.facts.model import Facts, File, Listener, Setting, Unit, User

__all__ = ["Facts", "File", "Listener", "Setting", "Unit", "User"]
