"""``python -m gansift`` is the command line."""

from gansift.command import main

main()
