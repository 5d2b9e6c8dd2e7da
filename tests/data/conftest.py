from __future__ import annotations

from pathlib import Path

import pytest
from picture_files import pixels, save


@pytest.fixture
def faces(tmp_path) -> Path:
    """A folder of forty grey images 00.png ... 39.png, 5 wide and 6 high."""
    for number in range(40):
        save(tmp_path / "faces" / f"{number:02d}.png", pixels(number))
    return tmp_path / "faces"
