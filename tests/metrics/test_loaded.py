"""Features and metrics named on the command line: found, called, and clear about what is wrong with them."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from gansift.errors import GansiftError, UsageError
from gansift.games import Trained
from gansift.metrics import FID, load_features, load_metric
from gansift.metrics.features import features_name
from gansift.metrics.loaded import takes_features

X = torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))

FEATURES = """
import torch
def pixels(x): return x.flatten(1)
number = 3
network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))
"""

METRICS = """
class Mean:
    direction = "lower"
    name = "mean"
    def __init__(self, reference, features, latents, seed):
        self.given = reference, features, latents, seed
    def value(self, source): return 0.0
    def gradient(self, source): return {}

def factory(**given):
    return Mean(**given)

def empty(reference, features, latents, seed):
    class Nothing: name = "nothing"
    return Nothing()

def sideways(**given):
    metric = Mean(**given)
    metric.direction = "sideways"
    return metric

def spaced(**given):
    metric = Mean(**given)
    metric.name = "two words"
    return metric

def few(reference, seed):
    return Mean(reference, None, None, seed)

def more(reference, table): ...
def broken(**given): raise RuntimeError("no such table")
number = 3
"""


@pytest.fixture
def user_modules(tmp_path, monkeypatch):
    (tmp_path / "own_features.py").write_text(FEATURES)
    (tmp_path / "own_metrics.py").write_text(METRICS)
    (tmp_path / "own_mistake.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)


def test_a_callable_or_network_of_a_module_is_loaded(user_modules):
    assert FID(load_features("own_features:pixels"), X, latents=9).name == "fid-pixels@9"
    network = load_features("own_features:network")
    assert features_name(network) == "network"
    assert network(X.double()).dtype == torch.float64


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("own_features:nothing", "has nothing called 'nothing'"),
        ("own_features:number", "int, not callable"),
        ("own_mistake:name", "ZeroDivisionError: division by zero"),
        ("no_such_module:name", "No module named 'no_such_module'"),
        ("no/such/file.pt", "no such file"),
        ("own_features", "no such file"),
        ("own_features.py", "not a TorchScript file"),
    ],
)
def test_features_that_cannot_be_loaded_say_why(spec, reason, user_modules):
    with pytest.raises(UsageError, match=reason):
        load_features(spec)


def _metric(spec):
    return load_metric(spec, reference="examples", features=abs, latents=7, seed=2)


@pytest.mark.parametrize("name", ["Mean", "factory"])
def test_a_metric_is_made_by_its_class_or_function_from_what_a_run_has(name, user_modules):
    metric = _metric(f"own_metrics:{name}")
    assert metric.given == ("examples", abs, 7, 2)


def test_a_metric_gets_what_it_takes_and_says_beforehand_whether_that_is_features(user_modules):
    assert _metric("own_metrics:few").given == ("examples", None, None, 2)
    assert not takes_features("own_metrics:few")
    assert takes_features("own_metrics:Mean")
    assert takes_features("own_metrics:factory")
    with pytest.raises(UsageError, match="missing a required argument: 'features'"):
        load_metric("own_metrics:Mean", reference="examples", latents=7, seed=2)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nothing", "has nothing called 'nothing'"),
        ("number", "must be a class or function that can be called with reference, latents, seed, features"),
        ("more", "missing a required argument: 'table'"),
        ("empty", "made a Nothing without direction, value, gradient"),
        ("sideways", "must be 'lower' or 'higher', not 'sideways'"),
        ("spaced", "fit for a file name"),
    ],
)
def test_a_metric_that_is_none_says_what_is_missing(name, reason, user_modules):
    with pytest.raises(UsageError, match=reason):
        _metric(f"own_metrics:{name}")


def test_a_metric_that_fails_is_named(user_modules):
    with pytest.raises(GansiftError, match="own_metrics:broken failed when it was made: RuntimeError: no such table"):
        _metric("own_metrics:broken")


def test_the_metric_in_the_documentation_works(tmp_path, monkeypatch, trained, features, reference):
    text = (Path(__file__).parents[2] / "docs" / "features.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n# my_metric\.py\n(.*?)```", text, re.DOTALL)
    (tmp_path / "my_metric.py").write_text(code.group(1))
    monkeypatch.syspath_prepend(tmp_path)
    metric = load_metric(
        "my_metric:MeanDistance", reference=SimpleNamespace(x=reference), features=features, latents=10, seed=1
    )
    flat, gradient = trained.parameters["generator"], metric.gradient(trained)["generator"]
    direction = torch.randn(flat.shape, generator=torch.Generator().manual_seed(0), dtype=flat.dtype)

    def at(t):
        return metric.value(Trained(trained.game, trained.parameters | {"generator": flat + t * direction}))

    assert float(gradient @ direction) == pytest.approx((at(1e-5) - at(-1e-5)) / 2e-5, rel=1e-6)
