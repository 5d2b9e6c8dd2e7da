"""The doctor: are the derivatives of this game right on this machine, and what to change where they are not."""

from gansift.influence.doctor.examination import examine, examine_run, examine_step
from gansift.influence.doctor.finding import Finding

__all__ = ["Finding", "examine", "examine_run", "examine_step"]
