"""Distances: the floor is the value of real data, of as many as there are latents."""

import pytest
import torch

from gansift.metrics import FID, KID


@pytest.mark.parametrize("kind", [FID, KID])
def test_the_floor_is_the_value_of_other_real_examples(kind, features, reference):
    others = torch.randn(30, 3, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    assert kind(features, reference).floor is None
    metric = kind(features, reference, others=others)
    assert metric.floor == metric.value(others)
    # Both distances are symmetric, so the test metric's floor is about the validation metric's.
    assert metric.floor == pytest.approx(kind(features, others, others=reference).floor)


@pytest.mark.parametrize("kind", [FID, KID])
def test_the_floor_has_no_more_examples_than_the_value_has_samples(kind, features, reference):
    others = torch.randn(30, 3, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    metric = kind(features, reference, others=others, latents=10)
    assert metric.floor == metric.value(others[:10])


@pytest.mark.parametrize("kind", [FID, KID])
def test_samples_go_through_the_features_as_many_together_as_those_like(kind, features, reference):
    features.chunk = 11
    kind(features, reference).value(reference)
    assert features.largest_batch == 11
    features.largest_batch = 0
    kind(features, reference, chunk=4).value(reference)
    assert features.largest_batch == 4
