"""What goes with `--dp-epsilon`, and what does not."""

from dataclasses import replace

import pytest

from gansift import data, systems, training
from gansift.errors import UsageError


@pytest.fixture(scope="module")
def digits():
    return {"data": data.load("digits", seed=0)}


def test_only_the_discriminator_promises_and_delta_fits_the_data(digits):
    optimizers = systems.build("gan", digits, {"dp_epsilon": 3.0, "dp_clip": 0.5}).optimizers
    assert optimizers["generator"].private is None
    assert optimizers["discriminator"].private == training.Privacy(epsilon=3.0, delta=0.1 / 890, clip=0.5)
    plain = systems.build("gan", digits).optimizers["discriminator"]
    assert replace(optimizers["discriminator"], private=None) == plain
    assert "private" not in plain.settings()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dp_epsilon": 1.0, "mirror": True}, "--mirror cannot go with --dp-epsilon"),
        ({"dp_epsilon": 1.0, "gradient_penalty": 1.0}, "--gradient-penalty cannot go with"),
        ({"dp_epsilon": 1.0, "augment": "cutout"}, "--augment cannot go with"),
        ({"dp_epsilon": 1.0, "dp_delta": 0.01}, "--dp-delta 0.01 promises nothing: .* one in 890"),
        ({"dp_clip": 2.0}, "--dp-clip would do nothing: .* --dp-epsilon"),
    ],
)
def test_what_does_not_go_together_is_refused(digits, settings, message):
    with pytest.raises(UsageError, match=message):
        systems.build("gan", digits, settings)


def test_tables_are_refused(tmp_path):
    (tmp_path / "t.csv").write_text("age,job\n" + "".join(f"{row},{'ab'[row % 2]}\n" for row in range(40)))
    with pytest.raises(UsageError, match="not there for tables"):
        systems.build("gan", {"data": data.load(tmp_path / "t.csv")}, {"dp_epsilon": 1.0})
