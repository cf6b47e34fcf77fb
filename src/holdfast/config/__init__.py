"""What the user says about the app: ``holdfast.toml`` as frozen, checked values."""

from holdfast.config.models import (
    App,
    Build,
    Config,
    Deploy,
    Django,
    Persist,
    Process,
    Release,
    Web,
)
from holdfast.config.read import from_json, load, to_json

__all__ = [
    "App",
    "Build",
    "Config",
    "Deploy",
    "Django",
    "Persist",
    "Process",
    "Release",
    "Web",
    "from_json",
    "load",
    "to_json",
]
