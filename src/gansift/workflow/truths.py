"""Folders of stored truths: written, read with every check, and set beside a score file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from gansift.cleansing.agreement import spearman
from gansift.cleansing.truth import Truth
from gansift.cleansing.verify import Verification
from gansift.errors import GansiftError
from gansift.files import broken_seal, read_json, refuse_pipes, write_bytes, write_sealed_json
from gansift.influence.scores import Scores
from gansift.report import typed
from gansift.workflow.verification import finite, statistics

_INDEX, _ARRAYS = "truth.json", "truth.safetensors"
_FORMAT = 1


@dataclass(frozen=True)
class _Index:
    """What ``truth.json`` holds.

    Attributes:
        format: of the folder; another one is of another version of gansift.
        arrays: SHA-256 of ``truth.safetensors``, in which there are ``removed`` (packed bits, a row for each removal),
            ``hashes`` (32 bytes an example), ``values`` and ``changes``; the other fields are those of `Truth`.
    """

    format: int
    name: str
    training: dict[str, Any]
    metrics: dict[str, str]
    removal: str
    steps: int
    seeds: tuple[int, ...]
    ids: tuple[str, ...]
    arrays: str


def is_truth(folder: Path) -> bool:
    """Whether a folder holds a truth, and not a run."""
    return (folder / _INDEX).exists()


def write_truth(folder: Path, truth: Truth) -> None:
    """Write a truth into a folder, which is made if it is not there.

    Raises:
        GansiftError: if it cannot be written.
    """
    arrays = save(
        {
            "removed": np.packbits(truth.removed, axis=1),
            "hashes": np.array([list(bytes.fromhex(content)) for content in truth.hashes], dtype=np.uint8),
            "values": truth.values,
            "changes": np.ascontiguousarray(truth.changes),
        }
    )
    write_bytes(folder / _ARRAYS, arrays)
    index = _Index(
        _FORMAT, truth.name, dict(truth.training), dict(truth.metrics), truth.removal, truth.steps, truth.seeds,
        truth.ids, hashlib.sha256(arrays).hexdigest(),
    )  # fmt: skip
    write_sealed_json(folder / _INDEX, typed.to_json(index))


def read_truth(folder: Path) -> Truth:
    """The truth in a folder. Nothing in it is executed.

    Raises:
        GansiftError: naming the file, if it is missing, damaged, a pipe, or of another version of gansift.
    """
    refuse_pipes(folder)
    path = folder / _INDEX
    if (reason := broken_seal(path)) is not None:
        raise GansiftError(f"{reason}. {_REMEDY}")
    content = read_json(path)
    found = content.get("format") if isinstance(content, dict) else None
    if found != _FORMAT:
        raise GansiftError(f"{path} is of format {found!r}, and this version of gansift reads {_FORMAT}")
    try:
        index = typed.from_json(_Index, content)
    except GansiftError as error:
        raise GansiftError(f"{path} is damaged: {error}. {_REMEDY}") from error
    return _with_arrays(index, folder / _ARRAYS)


_REMEDY = "Get the folder anew."


def _with_arrays(index: _Index, path: Path) -> Truth:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise GansiftError(f"{path} cannot be read: {error.strerror}. {_REMEDY}") from error
    if hashlib.sha256(content).hexdigest() != index.arrays:
        raise GansiftError(f"{path} was changed: it does not match its checksum in {_INDEX}. {_REMEDY}")
    try:
        arrays = load(content)
        return Truth(
            name=index.name,
            training=index.training,
            ids=index.ids,
            hashes=tuple(bytes(row).hex() for row in arrays["hashes"]),
            metrics=index.metrics,
            removal=index.removal,
            steps=index.steps,
            seeds=index.seeds,
            removed=np.unpackbits(arrays["removed"], axis=1, count=len(index.ids)).astype(bool),
            values=_float64(arrays["values"]),
            changes=_float64(arrays["changes"]),
        )
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise GansiftError(f"{path} is damaged: {error}. {_REMEDY}") from error


def _float64(array: np.ndarray) -> np.ndarray:
    if array.dtype != np.float64:
        raise ValueError(f"numbers of type {array.dtype} where float64 is expected")
    return array


def judged(folder: Path, file: Path) -> dict[str, Any]:
    """A score file beside the truth in a folder, for each size of removals; nothing is trained.

    Returns:
        What `gansift verify --json` prints: among it, under ``removals``, the statistics of a run's verification for
        each size, and under ``by_seed`` the rank correlation with the truth of each seed alone.

    Raises:
        GansiftError: if the truth or the score file cannot be read.
        UsageError: as `Truth.judge`.
    """
    truth, scores = read_truth(folder), Scores.read(file)
    return {
        "truth": truth.name,
        "estimator": scores.estimator,
        "metric": scores.metric,
        "direction": scores.direction,
        "removal": truth.removal,
        "steps": truth.steps,
        "seeds": list(truth.seeds),
        "examples": len(truth.ids),
        "training": dict(truth.training),
        "removals": [_of_size(verification, len(truth.ids)) for verification in truth.judge(scores)],
    }


def _of_size(verification: Verification, examples: int) -> dict[str, Any]:
    removed, predicted = len(verification.removals[0]), verification.predicted
    return {
        "removed": removed,
        "share": removed / examples,
        "count": len(verification.removals),
        **statistics(verification),
        "by_seed": [finite(spearman(predicted, of_seed)) for of_seed in verification.true],
        "predicted": predicted.tolist(),
        "true": verification.true.mean(axis=0).tolist(),
    }
