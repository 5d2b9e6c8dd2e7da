"""The same on every device: bits that repeat, and the scores of the processor. Runs on a GPU where there is one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gansift import games, influence, models, training
from gansift.cleansing.retrain import retrain
from gansift.data.examples import Examples
from gansift.errors import ReplayError, UsageError
from gansift.games.draw import Draw
from gansift.training.devices import check_device, repeatable
from gansift.training.state import checksum
from toys import KilledError, MeanWave, kill_at

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
DEVICES = ["cpu", pytest.param("cuda", marks=GPU)]
SHAPE = (1, 28, 28)


def _images(count=24):
    x = Draw(0, "images").uniform(count, *SHAPE) * 2 - 1
    ids = tuple(f"image/{row:02d}" for row in range(count))
    return Examples(ids=ids, x=x, columns={}, paths=("",) * count, hashes=ids)


def _train(device, **arguments):
    game = games.GAN(
        models.DCGANGenerator(latent=4, width=4, shape=SHAPE), models.DCGANDiscriminator(width=4, shape=SHAPE), r1=1.0
    )
    settings = {
        "steps": 6, "batch_size": 8, "ema": 0.9, "checkpoint_every": 2, "device": device,
        "optimizers": training.Adam(lr=1e-3, eps=1e-3, eps_inside=True),
    } | arguments  # fmt: skip
    return training.train(game, _images(), **settings)


@pytest.mark.parametrize("device", DEVICES)
def test_training_and_scores_repeat_bit_for_bit(device):
    first, second = _train(device), _train(device)
    assert checksum(first.state(6)) == checksum(second.state(6))
    # The sweep compares every replayed stretch with what was recorded.
    one, other = influence.itd(first, MeanWave()), influence.itd(second, MeanWave())
    assert one.values.any()
    assert np.array_equal(one.values, other.values)


@pytest.mark.parametrize("products", ["exact", "central-difference"])
@pytest.mark.parametrize("device", DEVICES)
def test_scores_are_those_of_the_processor(device, products):
    here = influence.itd(_train("cpu", dtype="float64"), MeanWave()).values
    there = influence.itd(_train(device, dtype="float64"), MeanWave(), products=products).values
    assert np.abs(here - there).max() < (1e-9 if products == "exact" else 1e-4) * np.abs(here).max()


@pytest.mark.parametrize("device", DEVICES)
def test_a_killed_run_goes_on_to_the_same_bits(device, tmp_path):
    with pytest.raises(KilledError):
        _train(device, outdir=tmp_path, progress=kill_at(5))
    assert checksum(_train(device, outdir=tmp_path).state(6)) == checksum(_train(device).state(6))


@pytest.mark.parametrize("device", DEVICES)
def test_retraining_with_nothing_removed_gives_the_run_again(device):
    run = _train(device)
    assert checksum(retrain(run, [], horizon=4).state(6)) == checksum(run.state(6))


@GPU
def test_a_run_of_the_gpu_is_refused_on_the_processor_unless_drift_is_accepted(tmp_path):
    there = influence.itd(_train("cuda", outdir=tmp_path), MeanWave())
    with pytest.raises(ReplayError, match="device cuda there, cpu here"):
        _train("cpu", outdir=tmp_path)
    here = influence.itd(_train("cpu", outdir=tmp_path, accept_drift=True), MeanWave())
    assert np.abs(here.values - there.values).max() < 1e-2 * np.abs(there.values).max()


@GPU
def test_kernels_that_do_not_repeat_are_refused_inside_and_allowed_outside():
    tensor, index = torch.zeros(4, device="cuda"), torch.zeros(9, dtype=torch.long, device="cuda")
    with repeatable("cuda"):
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.backends.cudnn.allow_tf32
        with pytest.raises(RuntimeError, match="deterministic"):
            tensor.put_(index, torch.ones(9, device="cuda"), accumulate=False)
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_device_that_is_not_there_is_refused_by_name():
    with pytest.raises(UsageError, match="the device warp cannot be used here"):
        check_device("warp")
    with pytest.raises(UsageError, match="the device meta cannot be used here"):  # it only pretends to compute
        check_device("meta")
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match=r"the device cuda cannot be used here; there is cpu$"):
            _train("cuda")


@pytest.mark.parametrize("name", ["meta", "privateuseone", "xla", "mps", "xpu", "hpu", "vulkan", "lazy", "cuda:99", ""])
def test_a_device_that_is_not_there_is_refused_in_a_sentence_whatever_torch_raises(name):
    if name in ("mps", "xpu", "hpu") and getattr(torch, name, torch.cuda).is_available():
        pytest.skip("it is there")
    with pytest.raises(UsageError, match="cannot be used here"):
        check_device(name)
