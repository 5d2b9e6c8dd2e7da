"""Systems: what a run is about, as functions of named data sets and settings. Importing this imports no torch."""

from gansift.bounds import Range
from gansift.systems.reading import Manual, manual
from gansift.systems.settings import Setting, checked
from gansift.systems.system import SYSTEMS, Judges, System, build, find, maker_of, only, settings_of, settled, spec_of

__all__ = [
    "SYSTEMS",
    "Judges",
    "Manual",
    "Range",
    "Setting",
    "System",
    "build",
    "checked",
    "find",
    "maker_of",
    "manual",
    "only",
    "settings_of",
    "settled",
    "spec_of",
]
