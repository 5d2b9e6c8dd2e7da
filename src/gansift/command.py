"""The program as it is started: Ctrl-C is answered from the first moment, while the command line itself is read in."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; see `gansift.cli.main`."""
    try:
        from gansift import cli

        cli.main()
    except KeyboardInterrupt:
        sys.stderr.write("gansift: stopped; the same command goes on from here\n")
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
