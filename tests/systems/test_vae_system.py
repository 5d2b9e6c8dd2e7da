"""The variational autoencoder as a system: what it is for points and for images."""

from __future__ import annotations

from gansift import data
from gansift.systems import build
from gansift.systems.vae import presets
from tiny_system import Tiny

TINY = Tiny(
    {"data": "digits"},
    {"width": 4, "latent": 2, "warmup": 0},
    "bound",
    ("digits", "--width", "4", "--latent", "2", "--latents", "100", "--warmup", "2"),
    "label 3",
    batch={"data": 8},
    stride=1e-5,
)


def test_what_is_left_open_fits_the_data_and_what_is_given_stays():
    points, images = ({"d": data.load(name, seed=0)} for name in ("normal-2d", "digits"))
    assert (presets(points, latent=None)["latent"], presets(points, latent=None)["metric"]) == (2, "all")
    assert (presets(images, latent=None)["latent"], presets(images, latent=None)["metric"]) == (8, "fid")
    game = build("vae", images, {"latent": 5, "deviation": 0.7}).new_game(0)
    assert (game.latent, game.deviation, game.shape) == (5, 0.7, (1, 8, 8))
