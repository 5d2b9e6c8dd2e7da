"""The page shows what the players make of examples, where a game shows it and it is an image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from made_up_report import images, summary
from page_reader import Page

from gansift.report.page import write_page


def _page(folder, **made):
    write_page(folder / "report.html", summary(), replace(images(), made=made))
    return Page((folder / "report.html").read_text("utf-8"))


def test_every_title_has_its_pictures_in_their_order(tmp_path):
    random = np.random.default_rng(0)
    page = _page(tmp_path, simulated=random.uniform(-1, 1, (3, 1, 8, 8)), refined=random.uniform(-1, 1, (2, 1, 8, 8)))
    assert page.text.index("makes of examples") < page.text.index("Simulated") < page.text.index("Refined")
    shown = [one["alt"] for tag, one in page.tags if tag == "img" and one.get("class", "").startswith("one")]
    assert [alt for alt in shown if alt.startswith(("simulated", "refined"))] == [
        "simulated, 1", "simulated, 2", "simulated, 3", "refined, 1", "refined, 2",
    ]  # fmt: skip


def test_names_within_a_title_stay_as_they_are(tmp_path):
    assert "As MNIST" in _page(tmp_path, **{"as MNIST": np.zeros((1, 1, 8, 8))}).text


def test_points_and_games_that_show_nothing_have_no_such_section(tmp_path):
    assert "makes of examples" in _page(tmp_path, refined=np.zeros((1, 1, 8, 8))).text
    assert "makes of examples" not in _page(tmp_path, prototypes=np.zeros((4, 2))).text
    assert "makes of examples" not in _page(tmp_path).text
