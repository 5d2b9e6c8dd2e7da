"""A data set with planted dirt as a file that `gansift run` takes, so that any game can be asked about it.

    python benchmarks/dirty/to_npz.py fashion-dirty fashion-dirty.npz --fashion fashion.npz [--size 14] [--unseen 2000]
    gansift run fashion-dirty.npz --group kind --game matching

The file has the splits of the set: images with dirt to train on, clean ones for validation, and unseen ones for the
test. The column `kind` says what was planted.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `dirty` and what benchmarks share

import numpy as np
from command_line import parser
from smaller import smaller

from dirty.sets import CLEAN, SETS


def main() -> None:
    """Write it."""
    made = parser(__doc__, saves=False)
    made.add_argument("set", choices=[name for name in SETS if not name.startswith("digits")])
    made.add_argument("out", type=Path)
    made.add_argument("--fashion", type=Path, help="Fashion-MNIST, .npz with x_train and y_train")
    made.add_argument("--size", type=int, help="pixels a side; by default as they are")
    made.add_argument("--unseen", type=int, help="test images; by default all that are left")
    asked = made.parse_args()
    data = SETS[asked.set]({} if asked.fashion is None else {"fashion": asked.fashion})
    whole = data.place.data.only
    splits = smaller(replace(whole, test=whole.test.subset(range(asked.unseen or len(whole.test)))), asked.size)
    arrays, kinds = {}, [*data.kinds]
    for name, part in (("train", splits.train), ("valid", splits.valid), ("test", splits.test)):
        arrays[f"x_{name}"] = ((part.x + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
        assert part.labels is not None
        assert part.class_names is not None
        arrays[f"y_{name}"] = np.array(part.class_names)[part.labels.numpy()]
        kinds += [] if name == "train" else [CLEAN] * len(part)
    np.savez_compressed(asked.out, **arrays, kind=np.array(kinds))


if __name__ == "__main__":
    main()
