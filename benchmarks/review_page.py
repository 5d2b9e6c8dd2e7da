"""How quick the report's reviewing tool is with many images, in headless Chromium. Prints a table.

    python benchmarks/review_page.py [--images 10000] [--side 32] [--presses 50] [--out FILE.json]

Smooth random colour images with made-up scores. A press counts from the moment the browser got the key to the next
frame that was painted, as the browser itself measures it (Event Timing, in steps of 8 ms; what is quicker than 16 ms
counts as 16). Arrows go through the grid, `x` marks what is selected. Exit code 1 if any press took 100 ms or more.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import command_line
import numpy as np
from chromium import Chromium

from gansift.report import Review, Shown, Summary, nearest, write_page

_LIMIT = 100.0  # milliseconds
_KEYS = {"arrows": ("ArrowRight", "ArrowDown"), "x": ("x",), "jumps": ("End", "Home")}
# The slowest of a press's events tells when its frame was painted; what the browser does not report was quicker.
_WATCH = """
window.presses = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (entry.name === "keydown") window.presses.push(entry.duration);
}).observe({ type: "event", durationThreshold: 16 });
"""


def images(count: int, side: int) -> np.ndarray:
    """Smooth random colour images, (count, 3, side, side) in [-1, 1]: as hard to compress as small photos."""
    coarse = np.random.default_rng(0).normal(size=(count, 3, 8, 8)).astype(np.float32)
    places = np.linspace(0, 7, side)
    low = np.floor(places).astype(int).clip(max=6)
    share = (places - low).astype(np.float32)
    rows = coarse[:, :, low] * (1 - share)[:, None] + coarse[:, :, low + 1] * share[:, None]
    smooth = rows[..., low] * (1 - share) + rows[..., low + 1] * share
    noise = np.random.default_rng(1).normal(0, 0.05, smooth.shape)
    return np.tanh(smooth + noise).astype(np.float32)


def write(path: Path, count: int, side: int) -> dict[str, float]:
    """Write the page; seconds spent on neighbours and on the page."""
    rng = np.random.default_rng(2)
    x, generated = images(count, side), images(2000, side)[::-1]
    features = rng.normal(size=(count, 64)).astype(np.float32), rng.normal(size=(2000, 64)).astype(np.float32)
    start = time.monotonic()
    near = nearest(features[0], features[1]), nearest(features[0], features[0], skip_self=True)
    found = time.monotonic()
    ids = tuple(f"photos/class-{row % 10}/{row:06d}.png#0123456789ab" for row in range(count))
    values = rng.standard_t(3, count) * 1e-3
    review = Review(
        run="benchmark", horizon=320, paths=tuple(f"some/folder/{identity}" for identity in ids), generated=generated,
        nearest_generated=near[0], nearest_training=near[1], mean=values, standard_error=np.abs(values) / 3,
    )  # fmt: skip
    shown = Shown.of(ids, values, tuple(f"class-{row % 10}" for row in range(count)), x, review=review)
    write_page(path, Summary.from_json(_summary(count, side)), shown)
    return {"neighbours": found - start, "page": time.monotonic() - found}


def _summary(count: int, side: int) -> dict[str, Any]:
    none: dict[str, Any] = dict.fromkeys(
        ("ci95", "random_change", "random_ci95", "against_random", "against_random_ci95", "untrained")
    )
    kept = {"before": 9.0, "after": 9.0, "change": 0.0} | none
    return {
        "gansift": "", "created": "2026-01-01T00:00:00+00:00", "metric": "fid-x@2000", "direction": "lower",
        "source": {"name": "photos", "train": count, "valid": 1, "test": 1, "kind": "images", "skipped": [],
                   "shape": [3, side, side], "classes": None},
        "verdict": {"helped": False, "sentence": "Made up for a measurement."}, "chosen": None, "removed": 0,
        "decisions": None, "seeds": 3, "steps": 1000, "removal": "fixed-denominator", "estimator": "itd",
        "ranking": False, "from_start": False, "validation": kept, "test": kept, "grid": [], "per_seed": [],
        "growth": [], "trust": None, "verification": [], "baselines": [], "classes": None, "settings": {},
        "seconds": 0.0, "times": {}, "warnings": [],
    }  # fmt: skip


def measure(path: Path, presses: int) -> dict[str, Any]:
    """Load the page, press keys, and say what each took."""
    with Chromium() as browser:
        start = time.monotonic()
        browser.open(path)
        browser.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")
        loaded = time.monotonic() - start
        browser.run(_WATCH)
        browser.click("#review-grid .review-card canvas")
        times = {name: [_pressed(browser, keys[n % len(keys)]) for n in range(presses)] for name, keys in _KEYS.items()}
        faults = browser.faults()
    return {"load_seconds": loaded, "milliseconds": times, "faults": faults}


def _pressed(browser: Chromium, key: str) -> float:
    """Milliseconds from a press to the next painted frame."""
    browser.run("window.presses.length = 0")
    browser.press(key)
    # Entries come once the frame is shown; two more frames and a pause see them in.
    browser.run(
        "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 30))))"
        ".then(() => 1)"
    )
    return max([16.0, *browser.run("window.presses")])


def main() -> None:
    """Measure and print."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--images", type=int, default=10000)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--presses", type=int, default=50)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        seconds = write(path, given.images, given.side)
        size = path.stat().st_size
        found = measure(path, given.presses) | {"seconds": seconds, "bytes": size, "images": given.images}
    print(
        f"{given.images} images of {given.side} x {given.side}: {size / 1e6:.1f} MB, written in {seconds['page']:.1f} s"
    )
    print(f"neighbours among as many and 2000 samples, 64 features: {seconds['neighbours']:.1f} s")
    print(f"loaded and painted in {found['load_seconds']:.2f} s")
    for name, times in found["milliseconds"].items():
        print(f"{name:7} median {median(times):3.0f} ms, worst {max(times):3.0f} ms of {len(times)} presses")
    command_line.save(given.out, found)
    if found["faults"] or max(max(times) for times in found["milliseconds"].values()) >= _LIMIT:
        sys.exit(f"too slow, or faulty: {found['faults']}")


if __name__ == "__main__":
    main()
