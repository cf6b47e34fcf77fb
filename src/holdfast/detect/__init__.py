"""What is this project? Three steps: read its files, ask its framework, decide.

- :func:`scan` reads the files and runs nothing; it says what to install.
- :func:`probe` asks the framework, in a process of the app's own environment.
- :func:`resolve` makes one :class:`~holdfast.app.AppSpec` of both and of the config.
"""

from holdfast.detect.answers import Answers
from holdfast.detect.causes import ImportFailed
from holdfast.detect.fitting import fitted
from holdfast.detect.outside import unset
from holdfast.detect.probing import probe
from holdfast.detect.project import Candidate, Project
from holdfast.detect.repairs import repaired
from holdfast.detect.resolving import resolve
from holdfast.detect.scanning import scan

__all__ = [
    "Answers",
    "Candidate",
    "ImportFailed",
    "Project",
    "fitted",
    "probe",
    "repaired",
    "resolve",
    "scan",
    "unset",
]
