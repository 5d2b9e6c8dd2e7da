"""The list of the checksums of a run's states: which were kept, and what bits they had."""

from __future__ import annotations

import os
import zlib
from functools import cached_property
from pathlib import Path

from gansift.files import append_line, open_own


class Checksums:
    """A text file with a line for each state: its number, its checksum, and the line's own CRC-32.

    A line that a kill cut short, or in which a bit was flipped, does not match its CRC and counts as not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def known(self) -> dict[int, str]:
        """Checksums by number of the state.

        Raises:
            GansiftError: if it is a link or a pipe.
        """
        try:
            with open(open_own(self.path, os.O_RDONLY), "rb") as file:
                lines = file.read().decode(errors="replace").split("\n")
        except OSError:
            return {}
        found = (line.rpartition(" ") for line in lines)
        entries = (entry.split(" ") for entry, _, check in found if entry and check == _crc(entry))
        return {int(number): value for number, value in entries}

    def add(self, number: int, value: str) -> None:
        """Write a checksum down, unless it is there.

        Raises:
            GansiftError: if it cannot be written.
        """
        if number not in self.known:
            entry = f"{number} {value}"
            append_line(self.path, f"{entry} {_crc(entry)}")
            self.known[number] = value


def _crc(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"
