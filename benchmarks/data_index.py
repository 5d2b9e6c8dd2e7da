"""How long it takes to take in a folder of 20,000 small images.

    python benchmarks/data_index.py [--images 20000] [--side 32] [--out FILE]

Makes the folder in a temporary directory (PNG, RGB noise that is smooth enough to look like something), and prints
seconds on the clock, and of the processor, of the first load with an empty cache, of a load from the cache, of a load
after one image has changed, and of `gansift data`. All of them work on one core.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import command_line
import numpy as np
from PIL import Image

from gansift.data import load
from gansift.data.survey import survey


def make(folder: Path, images: int, side: int) -> None:
    """Fill a folder with images in folders of 1,000, none like another."""
    noise = np.random.default_rng(0)
    for number in range(images):
        path = folder / f"{number // 1000:03d}" / f"{number:06d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(noise.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        coarse.resize((side, side), Image.Resampling.BICUBIC).save(path)


def timed(do: Callable[[], object]) -> dict[str, float]:
    """Do something, and tell how long it took."""
    start, worked = time.perf_counter(), time.process_time()
    do()
    return {"clock": time.perf_counter() - start, "processor": time.process_time() - worked}


def main() -> None:
    parser = command_line.parser(__doc__)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--side", type=int, default=32)
    given = parser.parse_args()
    columns = {"what": "what", "s on the clock": "clock:.1f", "s of the processor": "processor:.1f"}
    table = command_line.Table(columns, given.out)
    with tempfile.TemporaryDirectory() as temporary:
        folder, cache = Path(temporary) / "images", Path(temporary) / "cache"
        make(folder, given.images, given.side)
        print(f"{given.images} PNG images of {given.side}x{given.side} pixels")
        table.add({"what": "first load", **timed(lambda: load(folder, cache=cache))})
        table.add({"what": "cached load", **timed(lambda: load(folder, cache=cache))})
        (folder / "000" / "000001.png").write_bytes((folder / "000" / "000000.png").read_bytes())
        table.add({"what": "one changed", **timed(lambda: load(folder, cache=cache))})
        table.add({"what": "gansift data", **timed(lambda: survey(folder))})


if __name__ == "__main__":
    main()
