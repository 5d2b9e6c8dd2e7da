"""A batch in parts, one after the other or over processes: the same training and the same scores as in one piece."""

from __future__ import annotations

import socket

import numpy as np
import pytest
import torch
from torch import distributed, multiprocessing

from gansift import influence, training
from gansift.errors import TrainingError
from gansift.games.draw import Draw, PartDraw
from toys import MeanWave, ThreePlayers, examples, gan

SETTINGS = {"steps": 9, "batch_size": 4, "optimizers": training.Adam(lr=0.05, eps=1e-2), "ema": 0.8}


def _trained(game=None, **arguments):
    return training.train(game or gan(r1=0.7), examples(), **SETTINGS | {"dtype": "float64"} | arguments)


def _close(found, expected, tolerance):
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


@pytest.mark.parametrize("parts", [2, 4])
def test_parts_of_a_batch_draw_what_the_whole_batch_draws(parts):
    whole = Draw(3, "x").normal(8, 5)
    own = [
        PartDraw(3, "x", part=part, parts=parts, lengths=[8 // parts]).normal(8 // parts, 5) for part in range(parts)
    ]
    assert torch.equal(torch.cat(own), whole)
    together = [PartDraw(3, "x", part=part, parts=parts, lengths=[8 // parts]).uniform(7) for part in range(parts)]
    assert all(torch.equal(one, Draw(3, "x").uniform(7)) for one in together)  # no row for each example: all the same


@pytest.mark.parametrize("parts", [2, 4])
@pytest.mark.parametrize("renormalise", [False, True])
def test_micro_batches_give_the_same_training_and_scores(parts, renormalise):
    weights = torch.linspace(0.2, 1.8, 12)
    whole = _trained(renormalise=renormalise, weights=weights)
    split = _trained(renormalise=renormalise, weights=weights, micro_batches=parts)
    _close(split.state(9)["generator"]["average"].numpy(), whole.state(9)["generator"]["average"].numpy(), 1e-12)
    for products in ("exact", "central-difference"):
        scores = [influence.itd(run, MeanWave(), products=products).values for run in (split, whole)]
        _close(*scores, 1e-9 if products == "exact" else 1e-7)


def test_several_data_sets_and_players_are_split_alike():
    data = {"simulated": examples(10, seed=1, name="s"), "real": examples(14, seed=2, name="r")}
    runs = [
        training.train(
            ThreePlayers(), data, **SETTINGS | {"batch_size": {"simulated": 2, "real": 4}}, dtype="float64",
            micro_batches=parts,
        )
        for parts in (1, 2)
    ]  # fmt: skip
    whole, split = (influence.itd(run, MeanWave()).values for run in runs)
    _close(split, whole, 1e-9)


def test_a_batch_that_does_not_divide_into_the_parts_is_refused():
    with pytest.raises(TrainingError, match=r"a batch of 4 cannot be computed in 3 equal parts .* micro_batches=3"):
        _trained(micro_batches=3)


class _Spread(type(gan())):
    """A generator's loss that is no mean over the batch."""

    def generator_loss(self, net, batch, draw):
        return self.sample(net, len(batch), draw).std(0).sum()


def test_a_loss_that_is_no_mean_over_the_batch_is_refused_by_name():
    game = _Spread(*(gan().players[name] for name in ("generator", "discriminator")))
    assert _trained(game).steps == 9
    with pytest.raises(TrainingError, match="the generator's loss is not a mean over the batch"):
        _trained(game, micro_batches=2)


def test_data_parallel_training_without_processes_is_that_of_one():
    assert _trained(data_parallel=True).step.settings.processes == 1


TOLERANCES = {"float64": 1e-9, "float32": 1e-4}


def _process(rank, port, folder):
    distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    torch.set_num_threads(1)
    for dtype in TOLERANCES:
        arguments = {"dtype": dtype, "data_parallel": True, "outdir": folder / dtype / "run", "checkpoint_every": 4}
        run, again = _trained(**arguments), _trained(**arguments)
        for name, metrics in {"one": [MeanWave()], "two": [MeanWave(), MeanWave()]}.items():
            found = influence.itd_metrics(again, metrics, [5, 9])
            values = [scores[horizon].values for scores in found for horizon in (5, 9)]
            np.save(folder / dtype / f"{name}-{rank}.npy", values)
        np.save(folder / dtype / f"state-{rank}.npy", run.state(9)["discriminator"]["parameters"].numpy())
    distributed.destroy_process_group()


def test_two_processes_give_the_scores_of_one(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    multiprocessing.start_processes(_process, (port, tmp_path), nprocs=2, start_method="spawn")
    for dtype, tolerance in TOLERANCES.items():
        whole, folder = _trained(dtype=dtype), tmp_path / dtype
        expected = [influence.itd(whole, MeanWave(), horizon=horizon).values for horizon in (5, 9)]
        for rank in range(2):
            _close(np.load(folder / f"one-{rank}.npy"), np.array(expected), tolerance)
            _close(np.load(folder / f"two-{rank}.npy"), np.array(expected * 2), tolerance)
            assert np.array_equal(np.load(folder / f"state-{rank}.npy"), np.load(folder / "state-0.npy"))
        assert len(list((folder / "run" / "checkpoints").glob("step-*.safetensors"))) == 4
