"""A tiny finished run, and a copy of it to spoil."""

from __future__ import annotations

import shutil

import pytest

import tiny_run


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny") / "run"
    tiny_run.run(folder)
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")
