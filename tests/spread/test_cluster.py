"""A Ray cluster does the calls of any process. Skipped without Ray."""

from __future__ import annotations

import os
import sys

import pytest

from executing import Touch, tick_ten_times
from gansift.errors import GansiftError
from gansift.spread.executors import Workers
from gansift.spread.tasks import executor, run_tasks

pytest.importorskip("ray", reason="Ray, the extra `cluster`, is not installed")


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """The file that all machines have to see; the workers find the tasks of the tests."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    path = tmp_path / "config.json"
    path.write_text("{}")
    return path


def test_every_task_is_done_and_its_progress_arrives(shared):
    tasks = [Touch(shared.with_name(f"task-{row}"), work=tick_ten_times) for row in range(3)]
    amounts = []
    with executor(Workers(2, "local", 1, 0, shared), 3) as chosen:
        assert chosen.size == 2
        run_tasks(tasks, chosen, amounts.append)
    assert all(task.done() for task in tasks)
    assert sum(amounts) == 30


def test_a_machine_that_sees_another_file_refuses_its_tasks(shared):
    with executor(Workers(1, "local", 1, 0, shared), 1) as chosen:
        shared.write_text("of another file system")
        with pytest.raises(GansiftError, match=f"does not see {shared} as this one does"):
            run_tasks([Touch(shared.with_name("task"))], chosen, lambda amount: None)


@pytest.mark.parametrize(("failures", "tries"), [(0, 1), (1, 2), (2, 3), (9, 3)])
def test_a_client_whose_server_died_at_its_start_asks_again_and_then_gives_up(monkeypatch, failures, tries):
    from gansift.spread import cluster

    asked = []

    def init(address, **_):
        asked.append(address)
        if len(asked) <= failures:
            raise ConnectionError("Initialization failure: Starting Ray client server failed. See the log.")

    monkeypatch.setattr(cluster.ray, "init", init)
    if failures < tries:
        cluster._connect("ray://head:10001", 0)
    else:
        with pytest.raises(GansiftError, match=r"cannot use the Ray cluster ray://head:10001: .*ray start --head"):
            cluster._connect("ray://head:10001", 0)
    assert asked == ["ray://head:10001"] * tries


def test_an_address_where_nobody_answers_is_asked_once(monkeypatch):
    from gansift.spread import cluster

    asked = []

    def init(address, **_):
        asked.append(address)
        raise ConnectionError("nobody answers")

    monkeypatch.setattr(cluster.ray, "init", init)
    with pytest.raises(GansiftError, match="nobody answers"):
        cluster._connect("ray://head:10001", 0)
    assert len(asked) == 1


def test_room_is_counted_by_machine():
    from gansift.spread.cluster import room

    nodes = [
        {"Alive": True, "Resources": {"CPU": 7.0, "GPU": 1.0}},
        {"Alive": True, "Resources": {"CPU": 3.0}},
        {"Alive": False, "Resources": {"CPU": 64.0}},
    ]
    assert room(nodes, {"CPU": 2, "GPU": 0}) == 4
    assert room(nodes, {"CPU": 2, "GPU": 1}) == 1
    assert room(nodes, {"CPU": 8, "GPU": 0}) == 0
