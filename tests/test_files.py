"""What is written under a fixed name never lands in another file."""

from __future__ import annotations

import os
import platform

from gansift.files import write_text


def test_a_link_under_the_temporary_name_is_replaced_and_not_followed(tmp_path):
    (other := tmp_path / "thesis.txt").write_text("years of work")
    (tmp_path / f".list.txt.{platform.node()}-{os.getpid()}.tmp").symlink_to(other)
    write_text(tmp_path / "list.txt", "new")
    assert (tmp_path / "list.txt").read_text() == "new"
    assert not (tmp_path / "list.txt").is_symlink()
    assert other.read_text() == "years of work"


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(tmp_path):
    (other := tmp_path / "thesis.txt").write_text("years of work")
    (tmp_path / "list.txt").symlink_to(other)
    write_text(tmp_path / "list.txt", "new")
    assert (tmp_path / "list.txt").read_text() == "new"
    assert other.read_text() == "years of work"
