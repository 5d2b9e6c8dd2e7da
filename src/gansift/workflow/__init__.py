"""The whole job on a run directory, as the command line does it."""
