"""What is advised of a kind: what retraining gave counts, and what was only predicted is to be tried."""

from __future__ import annotations

import pytest

from gansift.terminal import result_text
from gansift.workflow.new_result import kind_advice


@pytest.mark.parametrize(
    ("name", "predicted", "proof", "advice"),
    [
        ("camera a", (-2.0, -1.0), None, "try without it"),
        ("camera a", (-2.0, -1.0), (-3.0, -2.0), "remove"),
        ("label 3", (-2.0, -1.0), None, "look at it: a model without it does not know this class"),
        ("a: label 3", (-2.0, -1.0), (-3.0, -2.0), "look at it: a model without it does not know this class"),
        ("exact copies", (-2.0, -1.0), (-3.0, -2.0), "keep one of the copies"),
        ("label 3", (-2.0, -1.0), (-1.0, 1.0), ""),
        ("label 3", (-2.0, -1.0), (1.0, 2.0), "collect more"),
        ("label 3", (1.0, 2.0), None, "collect more"),
        ("label 3", (-1.0, 2.0), None, ""),
        ("label 3", None, None, ""),
    ],
)
def test_only_what_was_measured_to_hurt_is_to_be_removed(name, predicted, proof, advice):
    for direction, sign in (("lower", 1), ("higher", -1)):
        ends, proved = (
            None if pair is None else tuple(sorted(sign * end for end in pair)) for pair in (predicted, proof)
        )
        assert kind_advice(name, ends, proved, direction) == advice


def test_the_terminal_tells_kinds_that_hurt_from_those_that_may():
    def said(*kinds):
        result = {"verdict": {"sentence": "Kept."}, "warnings": [], "report": "page", "kinds": kinds}
        return result_text(result).splitlines()[1]

    noise = {"name": "noise", "count": 24, "predicted": -1.0, "proved": -4.0, "advice": "remove"}
    label = {"name": "label 3", "count": 14, "predicted": -0.2, "proved": None, "advice": "try without it"}
    assert said(noise, label) == "Kinds that hurt: noise (24, predicted -1, measured -4)."
    assert said(label) == "Kinds that may hurt (--remove-groups tries it): label 3 (14, predicted -0.2)."
    assert said(label | {"advice": ""}) == "Report: page"
