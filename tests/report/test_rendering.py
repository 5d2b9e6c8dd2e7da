"""Filters of the page's templates."""

from __future__ import annotations

import re

from gansift.report.rendering import render


def test_an_id_may_break_between_its_parts_and_reads_as_it_is():
    identity = "source:folder/it's.csv/4#0ff5"
    card = {"score": 0.1, "rank": 1, "decision": None, "origin": None, "label": None, "id": identity}
    caption = re.search(r'<span class="id">(.*)</span>', render("views/caption.html", card=card))
    assert caption is not None
    assert caption[1] == "source:<wbr>folder/<wbr>it&#39;s.csv/<wbr>4#<wbr>0ff5"
