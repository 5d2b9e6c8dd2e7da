"""How long it takes, and how much memory, to take in a folder of 20,000 small images and a table of 200,000 rows.

    python benchmarks/data_index.py [--images 20000] [--side 32] [--rows 200000] [--out FILE]

Makes both in a temporary directory: PNG, RGB noise that is smooth enough to look like something, and a CSV of five
numbers, a category and a label. Prints seconds on the clock and of the processor, and by how many MB the process grew
at most, of

    first load    with an empty cache
    cached load   of the images, from the cache
    one changed   the same after one image has changed
    whose data    writing the manifest, comparing data with it, as every verb does, and the digest of what is trained on
    gansift data  the survey

All of them work on one core, each in a process of its own.
"""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import command_line
import numpy as np
from PIL import Image

from gansift import data
from gansift.data.survey import survey


def make_images(folder: Path, images: int, side: int) -> None:
    """Fill a folder with images in folders of 1,000, none like another."""
    noise = np.random.default_rng(0)
    for number in range(images):
        path = folder / f"{number // 1000:03d}" / f"{number:06d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(noise.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        coarse.resize((side, side), Image.Resampling.BICUBIC).save(path)


def make_table(path: Path, rows: int) -> None:
    """Fill a CSV with rows, none like another."""
    noise = np.random.default_rng(0)
    with open(path, "w", encoding="utf-8") as file:
        file.write("a,b,c,d,e,job,label\n")
        for _ in range(rows):
            numbers = ",".join(f"{number:.5f}" for number in noise.normal(size=5))
            file.write(f"{numbers},{('cook', 'nurse', 'smith')[noise.integers(3)]},{noise.integers(2)}\n")


def whose(splits: data.Splits, folder: Path) -> None:
    """What is done to know whether a run directory is that of the data."""
    data.write_manifest(folder / "manifest.csv", {"data": splits})
    assert data.changes(folder / "manifest.csv", {"data": splits}) == []
    splits.train.digest()


def measured(do: Callable[[], object]) -> dict[str, float]:
    """Do something in a process that ends with it, and tell how long it took and by how much that process grew."""
    mine, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_measured, args=(do, theirs))
    process.start()
    theirs.close()
    found: dict[str, float] = mine.recv()
    process.join()
    return found


def _measured(do: Callable[[], object], line: Any) -> None:
    with open("/proc/self/statm", encoding="ascii") as statm:
        before = int(statm.read().split()[1]) * resource.getpagesize()
    start, worked = time.perf_counter(), time.process_time()
    do()
    clock, processor = time.perf_counter() - start, time.process_time() - worked
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line.send({"clock": clock, "processor": processor, "memory": (peak - before) / 1e6})


COLUMNS = {
    "what": "what", "s on the clock": "clock:.1f", "s of the processor": "processor:.1f", "MB at most": "memory:.0f",
}  # fmt: skip


def main() -> None:
    parser = command_line.parser(__doc__)
    parser.add_argument("--images", type=int, default=20_000, help="0 for none")
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--rows", type=int, default=200_000, help="0 for none")
    given = parser.parse_args()
    table = command_line.Table(COLUMNS, given.out)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        if given.images:
            folder, load = place / "images", partial(data.load, place / "images", cache=place / "cache")
            make_images(folder, given.images, given.side)
            size = given.images * given.side**2 * 3 / 1e6
            print(f"{given.images} PNG images of {given.side}x{given.side} pixels, {4 * size:.0f} MB as float32")
            table.add({"what": "images: first load", **measured(load)})
            table.add({"what": "cached load", **measured(load)})
            (folder / "000" / "000001.png").write_bytes((folder / "000" / "000000.png").read_bytes())
            table.add({"what": "one changed", **measured(load)})
            table.add({"what": "whose data", **measured(partial(whose, load(), place))})
            table.add({"what": "gansift data", **measured(partial(survey, folder))})
        if given.rows:
            path = place / "table.csv"
            make_table(path, given.rows)
            print(f"{given.rows} rows, {path.stat().st_size / 1e6:.0f} MB")
            load = partial(data.load, path, label="label")
            table.add({"what": "table: first load", **measured(load)})
            table.add({"what": "whose data", **measured(partial(whose, load(), place))})
            table.add({"what": "gansift data", **measured(partial(survey, path))})


if __name__ == "__main__":
    main()
