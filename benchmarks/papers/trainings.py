"""From a setting to what is trained and measured: data, game, optimizers, metrics."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from built_in import place
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gansift import games, metrics, models, training
from gansift.data.builtin import mnist, normal_1d, normal_2d
from gansift.data.columns import labelled
from gansift.data.examples import Examples, Splits
from gansift.data.hashing import hash_rows
from gansift.data.pixels import to_signed
from gansift.errors import DataError
from gansift.metrics.features import NetworkFeatures
from gansift.metrics.metric import Metric
from papers.networks import PenalisedGAN, SigmoidClassifier, SigmoidDiscriminator, SigmoidGenerator
from papers.settings import Setting


@dataclass(frozen=True, eq=False)
class Prepared:
    """What all seeds of an experiment have in common.

    Attributes:
        setting: of the experiment.
        train: the training examples.
        validation: metrics by name, on validation data: what scores are of.
        test: the same on test data, with other latents.
    """

    setting: Setting
    train: Examples
    validation: dict[str, Metric]
    test: dict[str, Metric]


def prepare(setting: Setting, files: dict[str, Path]) -> Prepared:
    """Data and metrics of an experiment.

    Args:
        setting: of the experiment.
        files: data sets that do not come with gansift, by the source's name.

    Raises:
        DataError: if the experiment needs a file that is not there, or more examples than it has.
    """
    train, valid, test = _splits(setting, files.get(setting.source))
    features = None if "all" in setting.metrics else PapersFeatures.fit(valid, setting.classifier_epochs)
    return Prepared(
        setting,
        train,
        *({name: _metric(name, features, part, setting.latents, seed) for name in setting.metrics}
          for seed, part in enumerate((valid, test), 1)),
    )  # fmt: skip


def trained(prepared: Prepared, seed: int, outdir: Path) -> training.Run:
    """The recorded run of one seed; it goes on where it was stopped."""
    setting = prepared.setting
    if setting.game == "preset":
        train = prepared.train
        splits = Splits(setting.source, train, train, train)  # presets look at the shape of training examples alone
        made = place(setting.source, splits, **{"batch": setting.batch, **setting.own})
        game, optimizers, ema = made.game(seed), made.system.optimizers, made.config.ema
    else:
        sgd = training.SGD(lr=setting.lr)
        game, optimizers, ema = _game(setting), {"discriminator": sgd, "generator": sgd}, 0.0
    return training.train(
        game, prepared.train, steps=setting.steps, batch_size=setting.batch, optimizers=optimizers, ema=ema, seed=seed,
        dtype=setting.dtype, outdir=outdir,
    )  # fmt: skip


def quality(run: training.Run, of: dict[str, Metric]) -> dict[str, dict[str, float]]:
    """Each metric before and after training."""
    return {
        name: {"untrained": metric.value(run.trained(0)), "trained": metric.value(run)} for name, metric in of.items()
    }


class PapersFeatures(NetworkFeatures):
    """The papers' MNIST classifier: its 128 sigmoid units as features, and its logits."""

    def __call__(self, samples: Tensor) -> Tensor:
        """Features (n, 128) of images (n, 1, 28, 28)."""
        return self._classifier(samples).trunk(samples)

    def logits(self, samples: Tensor) -> Tensor:
        """Logits (n, 10)."""
        return self._classifier(samples)(samples)

    def _classifier(self, samples: Tensor) -> SigmoidClassifier:
        network = self.network_for(samples)
        assert isinstance(network, SigmoidClassifier)
        return network

    @classmethod
    def fit(cls, valid: Examples, epochs: int) -> PapersFeatures:
        """Train it on the validation examples, as the papers do: Adam at 1e-2, batches of 128, L2 on the last layer."""
        assert valid.labels is not None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = SigmoidClassifier()
            for layer in network.modules():
                if isinstance(layer, (nn.Conv2d, nn.Linear)):
                    nn.init.xavier_uniform_(layer.weight)
            optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
            for _ in range(epochs):
                for rows in torch.randperm(len(valid)).split(128):
                    penalty = sum(value.square().sum() for value in network.head.parameters())
                    loss = cross_entropy(network(valid.x[rows]), valid.labels[rows]) + 1e-3 / 2 * penalty
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
        return cls(network, "papers-classifier128")


def _game(setting: Setting) -> games.GAN:
    if setting.game == "sigmoid-dcgan":
        pair = SigmoidGenerator(setting.width), SigmoidDiscriminator(setting.width)
        return PenalisedGAN(*pair, decay=setting.decay, schedule="simultaneous")
    if setting.game == "fcgan":
        pair = (
            models.FCGenerator(10, 32, (2,), setting.activation),
            models.FCDiscriminator(64, (2,), setting.activation),
        )
    else:
        pair = models.LQGenerator(), models.LQDiscriminator()
    return games.GAN(*pair, schedule="simultaneous")


def _metric(name: str, features: PapersFeatures | None, part: Examples, latents: int, seed: int) -> Metric:
    if name == "all":
        return metrics.ALL(part, latents=latents, seed=seed)
    if name == "fid":
        return metrics.FID(features, part, latents=latents, seed=seed)
    return metrics.IS(features, latents=latents, seed=seed, log=name == "log-is")


def _splits(setting: Setting, file: Path | None) -> tuple[Examples, Examples, Examples]:
    """The first examples for training, the next for validation, and the next, or the official ones, for testing."""
    points = {"normal-1d": normal_1d, "normal-2d": normal_2d}.get(setting.source)
    counts = setting.train, setting.valid, setting.test
    if points is not None:
        whole, test = points(0, sum(counts)), None
    elif file is not None:
        whole, test = read_images(file, setting.source)
    elif setting.source == "mnist":
        whole, test = mnist(), None
    else:
        raise DataError(f"this experiment reads {setting.source} from a file: give its path, --{setting.source} FILE")
    ends = np.cumsum(counts).tolist()
    wanted = ends[2] if test is None else ends[1]
    if len(whole) < wanted or (test is not None and len(test) < setting.test):
        raise DataError(
            f"this size of the experiment needs {wanted} examples of {setting.source}, and there are {len(whole)}. "
            f"Give a file that has them, --{setting.source} FILE, or choose --size reduced."
        )
    train, valid = whole.subset(range(ends[0])), whole.subset(range(ends[0], ends[1]))
    return train, valid, whole.subset(range(ends[1], ends[2])) if test is None else test.subset(range(setting.test))


@lru_cache(maxsize=2)
def read_images(path: Path, name: str) -> tuple[Examples, Examples]:
    """Official training and test images of a ``.npz`` with x_train, y_train, x_test, y_test (pixels 0 ... 255).

    Raises:
        DataError: if the file cannot be read or lacks one of them.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in ("x_train", "y_train", "x_test", "y_test")}
    except FileNotFoundError as error:
        raise DataError(f"there is no file {path}; --{name} wants the .npz of that data set") from error
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} is no .npz with x_train, y_train, x_test and y_test") from error
    return tuple(  # type: ignore[return-value]
        Examples(
            ids=tuple(f"{name}/{part}/{row:05d}" for row in range(len(pixels))),
            x=to_signed(pixels).unsqueeze(1),
            columns=labelled(torch.from_numpy(arrays[f"y_{part}"].astype(np.int64)), tuple(map(str, range(10)))),
            paths=("",) * len(pixels),
            hashes=hash_rows(pixels),
        )
        for part, pixels in (("train", arrays["x_train"]), ("test", arrays["x_test"]))
    )
