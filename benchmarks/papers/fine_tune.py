"""The 27 most harmful and most helpful images of a fine-tuning beside random ones (TNNLS 2025, figure 5)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gansift.errors import DataError
from gansift.files import write_json
from gansift.games import Draw
from gansift.influence import Scores
from gansift.report.views.images import sheet
from gansift.workflow.config import load
from gansift.workflow.directory import RunDirectory
from gansift.workflow.place import place_of

_COUNT = 27


def draw(folder: Path, out: Path, size: str) -> None:
    """Draw what the scores over the whole training of a run directory's first seed say.

    Args:
        folder: made by `gansift run ... --horizons ...,all`.
        out: folder of the picture and of the ids.
        size: as it is noted down.

    Raises:
        DataError: if the run has no scores over its whole training.
    """
    directory = RunDirectory(folder)
    config = load(directory.config)
    train = place_of(config, directory.cache).data.only.train
    files = sorted((directory.training(0) / "scores").glob(f"*-itd-{config.steps}.csv"))
    if not files:
        raise DataError(f"{folder} has no scores over its whole training; score it with --horizons all")
    scores = Scores.read(files[0])
    order = Draw(0, "papers").permutation(len(scores)).tolist()
    rows = {
        "harmful": scores.harmful(_COUNT), "helpful": scores.helpful(_COUNT), "random": scores[order[:_COUNT]],
    }  # fmt: skip
    places = {identity: row for row, identity in enumerate(train.ids)}
    images = np.concatenate([train.x[[places[identity] for identity in of.ids]].numpy() for of in rows.values()])
    out.mkdir(parents=True, exist_ok=True)
    sheet(images, _COUNT, side=40).save(out / "images.png")
    about = f"{', '.join(config.sources)}, {config.steps} steps, {scores.metric}"
    chosen = {name: [{"id": identity, "score": value} for identity, value in of] for name, of in rows.items()}
    write_json(out / "images.json", {"experiment": "tnnls-fine-tune", "size": size, "run": about, **chosen})
