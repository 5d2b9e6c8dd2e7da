"""The GAN game: every setting that changes training is part of what says whose a run is."""

import pytest

from toys import gan

USUAL = gan(r1=1.0).settings()


@pytest.mark.parametrize(
    "changes",
    [{"mirror": True}, {"augment": ("colour",)}, {"r1_interval": 4}, {"r1": 2.0}, {"loss": "saturating"}],
    ids=str,
)
def test_a_setting_that_changes_training_is_recorded(changes):
    assert gan(**{"r1": 1.0} | changes).settings() != USUAL


def test_settings_that_are_not_used_leave_no_trace():
    assert not {"mirror", "augment", "r1_interval"} & set(USUAL)
