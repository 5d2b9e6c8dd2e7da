import torch

from gansift.audit.classical import augmented

LABELS = torch.tensor([0, 0, 0, 1, 1, 2])
ROWS = torch.tensor([0, 1, 3, 5, 5, 2] * 20)


def test_rows_move_towards_neighbours_of_their_class_alone():
    x = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [10.0, 10.0], [12.0, 10.0], [50.0, 50.0]])
    copies = augmented(x, LABELS, ROWS, 0)
    assert copies.shape == (120, 2)
    of_first = copies[LABELS[ROWS] == 0]
    assert ((of_first >= -1e-6).all(1) & (of_first.sum(1) <= 1 + 1e-6)).all()
    pair = copies[ROWS == 3]
    assert (pair[:, 1] == 10).all()
    assert ((pair[:, 0] >= 10) & (pair[:, 0] <= 12)).all()
    assert pair[:, 0].unique().numel() > 10
    assert (copies[ROWS == 5] == 50).all()  # the only one of its class has no neighbours


def test_the_same_seed_gives_the_same_copies_and_another_gives_others():
    x = torch.rand(6, 1, 8, 8)
    one, again, other = (augmented(x, LABELS, ROWS, seed) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_images_are_moved_a_little_and_not_mirrored():
    x = torch.full((6, 1, 20, 20), -1.0)
    x[:, :, 8:12, 3:7] = 1.0  # left of the middle
    copies = augmented(x, LABELS, ROWS, 0)
    assert copies.min() >= -1
    assert copies.max() <= 1
    ink = (copies + 1).sum(1)
    assert (ink.sum((1, 2)) > 0.6 * 2 * 16).all()
    place = (ink * torch.arange(20)).sum((1, 2)) / ink.sum((1, 2))
    assert 1.0 < (place - 4.5).abs().max() < 4.5
    assert (place < 10).all()
    rows = (ink * torch.arange(20)[:, None]).sum((1, 2)) / ink.sum((1, 2))
    assert (rows - 9.5).abs().max() > 1.0


def test_images_of_one_colour_stay_as_they_are():
    x = torch.full((6, 3, 9, 12), 0.25)
    assert torch.allclose(augmented(x, LABELS, ROWS, 0), torch.tensor(0.25))
