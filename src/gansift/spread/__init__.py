"""Tasks side by side: in this process, in processes of this machine, or on a cluster. Nothing here knows of runs."""
