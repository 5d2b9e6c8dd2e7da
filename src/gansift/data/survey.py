"""What a source holds, before anybody trains on it: sizes, classes, copies, unusable files, splits, what to do."""

from __future__ import annotations

import hashlib
import os
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gansift.data.collection import Collection
from gansift.data.duplicates import near_duplicates, thumbnail
from gansift.data.examples import Examples
from gansift.data.grey import remarks, span_of
from gansift.data.images import Told, no_image, odd_sizes, read_depth, read_told, readable
from gansift.data.layout import SPLITS
from gansift.data.names import shown
from gansift.data.nothing import nothing_in
from gansift.data.pixels import BadImageError, Span, decode, form, to_pixels
from gansift.data.record_survey import survey_records
from gansift.data.records import NO_ROLES, Records, Roles
from gansift.data.resize import USUAL
from gansift.data.sources import check_size, open_source
from gansift.data.splits import FRACTIONS, check_fractions, parts_of
from gansift.errors import DataError, UsageError

# Sides of the images that the built-in networks take, beside anything up to the smallest of them.
_SIDES = (256, 128, 64, 32, 28, 16)

# A class with a smaller share of what an equal one would have is called rare.
_RARE = 0.2
# With a larger share of blank images, or of noise, than this, that is what the data are.
_USUAL_SHARE = 0.2
# Members of a group that a sentence names.
_NAMED = 4


class _Seen(NamedTuple):
    """What is remembered of an image or a point.

    Attributes:
        name: of the file, or the id.
        content_hash: of the file, or of the row.
        size: width and height in pixels; None for points.
        form: format and colour mode.
        thumb: the thumbnail; None for points.
        nothing: what an image is that shows nothing, see `nothing_in`.
    """

    name: str
    content_hash: str
    size: tuple[int, int] | None
    form: str
    thumb: np.ndarray | None
    nothing: str | None = None


def survey(
    source: str | os.PathLike[str],
    *,
    labels: str | os.PathLike[str] | None = None,
    size: int | None = None,
    resize: str = USUAL,
    seed: int = 0,
    roles: Roles = NO_ROLES,
    fractions: Sequence[float] = FRACTIONS,
    span: Span | None = None,
) -> dict[str, Any]:
    """Look at every example of a source; nothing is written, and only what is compared stays in memory.

    Args:
        source: as for :func:`gansift.data.load`.
        labels: the label file that will be given.
        size: the side in pixels that will be given.
        resize: the way of resizing that will be given.
        seed: of the split.
        roles: of the columns of a table.
        fractions: of the splits that the source does not have itself.
        span: the values of 16-bit grey that will be given as black and white; None for ``auto``.

    Returns:
        ``source``, ``found`` and ``usable`` counts; ``sizes``, ``forms`` and ``classes`` (None without labels),
        each name -> count, the most frequent first; ``exact`` and ``near``, groups of names that are copies and
        that look the same, and ``conflicts`` and ``near_conflicts``, those of them that have different classes;
        ``nothing``, kind -> names of images that are ``blank`` or ``noise``; ``leaks``, how many near groups
        are in more than one split; ``bad``, path and reason of each unusable file; ``others``, suffix -> count
        of files that are no images; ``split``, part -> count; ``own_split``, the splits that the source has
        itself; ``crossing``, how many exact groups are in more than one split; ``next``, sentences; ``command``
        to go on with. Of a table also what :func:`gansift.data.record_survey.survey_records` adds.

    Raises:
        DataError: if the source is not there or nothing of its kind.
        UsageError: if an option makes no sense.
    """
    check_size(size, resize)
    check_fractions(fractions)
    found = open_source(source, seed, roles)
    if isinstance(found, Examples | Records) and not (labels is size is span is None):
        raise UsageError(f"--labels, --size and --range go with image files only, and {source} is none")
    if isinstance(found, Records):
        return survey_records(found, source, seed, fractions)
    problem, told = _told(found, labels)
    strays = {} if told is None else told.strays
    depth = None if isinstance(found, Examples) else read_depth(found, strays)
    if isinstance(found, Examples):
        seen, bad = _of_examples(found)
    else:
        seen, bad = _of_files(found, strays, span_of(depth, span))
    odd = odd_sizes({one.name: _words(one.size) for one in seen if one.size}) if size is None else {}
    usable = [one for one in seen if one.name not in odd]
    own: tuple[str, ...] = found.parts if isinstance(found, Examples) else ()
    classes: dict[str, str] = {}
    groups: dict[str, dict[str, int]] = {}
    try:
        own = own if told is None else told.parts_of([one.name for one in usable])
        classes = _classes(found if told is None else told, usable)
        groups = {} if told is None else _groupings(told, roles.group, [one.name for one in usable])
        parts = parts_of([one.content_hash for one in usable], own, seed, fractions)
    except DataError as error:
        problem, parts = problem or str(error), [""] * len(usable)
    split = dict(zip([one.name for one in usable], parts, strict=True))
    exact, near = _copies(usable)
    conflicts, unsure = (
        [group for group in groups if len({classes.get(name) for name in group}) > 1] for groups in (exact, near)
    )
    leaks, crossing = (sum(len({split[name] for name in group}) > 1 for group in groups) for groups in (near, exact))
    counts = Counter(split.values())
    result = {
        "source": shown(os.fspath(source)),
        "found": len(seen) + len(bad),
        "usable": len(usable) if problem is None else 0,
        "sizes": _counts(_words(one.size) for one in seen if one.size),
        "forms": _counts(one.form for one in seen),
        "classes": _counts(classes.values()) or None,
        "groups": groups,
        "exact": _printable(exact),
        "near": _printable(near),
        "conflicts": _printable(conflicts),
        "near_conflicts": _printable(unsure),
        "nothing": _of_nothing(usable),
        "leaks": leaks,
        "crossing": crossing,
        "bad": sorted([*bad, *((_where(found, name), reason) for name, reason in odd.items())]),
        "others": {} if isinstance(found, Examples) else _counts(_suffix(name) for name in found.others),
        "split": {part: counts[part] for part in SPLITS},
        "own_split": [part for part in SPLITS if part in own],
    }
    wanted = None if isinstance(found, Examples) else size or _wanted_size(seen, bool(odd))
    result["next"] = [
        *([problem] if problem else []), *_advice(result, bool(odd), size, wanted), *remarks(depth, span),
        *([] if told is None else _other_columns(told, roles.group)),
    ]  # fmt: skip
    skip = bool(bad) or (bool(odd) and wanted is None)
    result["command"] = _command(result, labels, wanted, resize, seed, fractions, span, roles, skip=skip)
    return result


def _of_files(
    collection: Collection, strays: Mapping[str, str], span: Span
) -> tuple[list[_Seen], list[tuple[str, str]]]:
    """Every image that can be decoded; and path and reason of everything else."""
    seen = []
    bad = [(_where(collection, name), reason) for name, reason in [*collection.refused, *strays.items()]]
    for file in collection.contents():
        if file.name in strays:
            continue
        try:
            content = readable(file)
            pixels = decode(content, span=span)
        except BadImageError as error:
            bad.append((_where(collection, file.name), str(error)))
            continue
        height, width = pixels.shape[:2]
        content_hash = hashlib.sha256(content).hexdigest()
        size = width, height
        seen.append(_Seen(file.name, content_hash, size, form(content), thumbnail(pixels), nothing_in(pixels)))
    return seen, bad


def _of_examples(examples: Examples) -> tuple[list[_Seen], list[tuple[str, str]]]:
    if len(examples.shape) != 3:
        kind = f"points of {examples.shape[0]} numbers"
        rows = zip(examples.ids, examples.hashes, strict=True)
        return [_Seen(name, content_hash, None, kind, None) for name, content_hash in rows], []
    channels, height, width = examples.shape
    kind = "grey" if channels == 1 else "RGB"
    pictures = map(to_pixels, examples.x.numpy())
    return [
        _Seen(name, content_hash, (width, height), kind, thumbnail(pixels), nothing_in(pixels))
        for name, content_hash, pixels in zip(examples.ids, examples.hashes, pictures, strict=True)
    ], []


def _told(found: Examples | Collection, labels: str | os.PathLike[str] | None) -> tuple[str | None, Told | None]:
    """What is wrong with a collection as a whole, and what is known of its classes and splits."""
    if isinstance(found, Examples):
        return None, None
    if not found.names and not found.refused:
        return no_image(found), None
    try:
        return None, read_told(found, None if labels is None else Path(labels))
    except DataError as error:
        return str(error), None


def _classes(found: Examples | Collection | Told, usable: Sequence[_Seen]) -> dict[str, str]:
    """The class of each example by its name; empty without classes."""
    if isinstance(found, Collection) or not usable:
        return {}
    if isinstance(found, Examples):
        numbers, names = found.labels, found.class_names
    else:
        numbers, names = found.classes_of([one.name for one in usable])
    if numbers is None or names is None:
        return {}
    return {one.name: shown(names[number]) for one, number in zip(usable, numbers.tolist(), strict=True)}


def _groupings(told: Told, names: Sequence[str], usable: Sequence[str]) -> dict[str, dict[str, int]]:
    """How many images each value of these columns has, by the name of the column."""
    told.check_columns(names)
    columns = {name: told.column_of(name, usable) for name in names}
    return {
        shown(name): _counts(shown((column.names or ())[value]) for value in column.values.tolist())
        for name, column in columns.items()
    }


def _other_columns(told: Told, asked: Sequence[str]) -> list[str]:
    """What is said of columns of label files that nobody asked for."""
    others = [shown(name) for name in told.columns if name not in asked]
    if not others:
        return []
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    return [
        f"Label files also have the column{'s' * (len(others) > 1)} {', '.join(others[:_NAMED])}{more}: --group NAME "
        "makes each value of one a kind of images, of which a run says whether it hurts."
    ]


def _copies(usable: Sequence[_Seen]) -> tuple[list[list[str]], list[list[str]]]:
    """Names of files with the same content; and of files, one for each content, that look the same."""
    by_content: dict[str, list[_Seen]] = {}
    for one in usable:
        by_content.setdefault(one.content_hash, []).append(one)
    first = [group[0] for group in by_content.values() if group[0].thumb is not None]
    near = near_duplicates([one.thumb for one in first if one.thumb is not None])
    exact = [[one.name for one in group] for group in by_content.values() if len(group) > 1]
    return exact, [[first[row].name for row in group] for group in near]


def _of_nothing(usable: Sequence[_Seen]) -> dict[str, list[str]]:
    """Names of images that show nothing, by what they are; none where so many are that this is what the data are."""
    found: dict[str, list[str]] = {}
    for one in usable:
        if one.nothing is not None:
            found.setdefault(one.nothing, []).append(shown(one.name))
    return {kind: names for kind, names in found.items() if len(names) <= _USUAL_SHARE * len(usable)}


def _wanted_size(seen: Sequence[_Seen], differing: bool) -> int | None:
    """The side to resize to, if sizes differ or the built-in networks take none such."""
    shorter = sorted(min(one.size) for one in seen if one.size)
    if not shorter:
        return None
    width, height = seen[0].size or (0, 0)
    if not differing and (max(width, height) <= _SIDES[-1] or (width == height and width in _SIDES)):
        return None
    return next((side for side in _SIDES if side <= shorter[len(shorter) // 2]), _SIDES[-1])


def _advice(found: dict[str, Any], differing: bool, size: int | None, wanted: int | None) -> list[str]:
    """What to do, the most pressing first."""
    advice = []
    if not found["usable"]:
        return ["Nothing here can be trained on: mend what is named above, or give another source."]
    if differing:
        advice.append(f"The images are of {len(found['sizes'])} sizes: --size {wanted} makes all of them that large.")
    elif wanted != size:
        advice.append(f"The built-in networks take no such images: --size {wanted} makes them fit.")
    unusable = len(found["bad"]) if not differing else found["found"] - sum(found["sizes"].values())
    if unusable:
        advice.append(f"--skip-bad goes on without the {unusable} unusable files.")
    empty = [part for part, count in found["split"].items() if not count]
    if empty:
        advice.append(f"No example falls into {' and '.join(empty)}: add examples, or try another --split-seed.")
    if found["conflicts"]:
        advice.append(
            f"{_groups(found['conflicts'])} of exact copies with different classes, such as "
            f"{_some(found['conflicts'][0])}: one of the labels must be wrong. Mend them, or leave such a "
            "group out."
        )
    if found["near_conflicts"]:
        advice.append(
            f"{_groups(found['near_conflicts'])} of look-alikes with different classes, such as "
            f"{_some(found['near_conflicts'][0])}: look whether a label is wrong. If they are different "
            "things, keep all."
        )
    for kind, names in found["nothing"].items():
        what = "of one colour" if kind == "blank" else "like pure noise"
        advice.append(f"Look at what is {what} ({len(names)}, such as {names[0]}), and leave out what shows nothing.")
    if found["leaks"]:
        advice.append(
            f"Images that look the same lie in more than one split ({found['leaks']} such), where they make the metric "
            "look better than it is: of those of one class, keep one image of each."
        )
    if found["crossing"]:
        advice.append(
            f"Exact copies lie in more than one split ({found['crossing']} such): those that are held out stay, and "
            "their copies are left out of what is trained on."
        )
    rare = _rare(found["classes"] or {})
    if rare:
        advice.append(f"Few examples to learn from in {', '.join(rare)}.")
    return advice


def _groups(groups: Sequence[Sequence[str]]) -> str:
    return f"{len(groups)} group{'s' * (len(groups) > 1)}"


def _some(names: Sequence[str]) -> str:
    """The first few names."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _rare(by_class: dict[str, int]) -> list[str]:
    fair = sum(by_class.values()) / max(1, len(by_class))
    return [f"{name} ({count})" for name, count in by_class.items() if count < _RARE * fair]


def _command(
    found: dict[str, Any],
    labels: str | os.PathLike[str] | None,
    wanted: int | None,
    resize: str,
    seed: int,
    fractions: Sequence[float],
    span: Span | None,
    roles: Roles,
    *,
    skip: bool,
) -> str | None:
    if not found["usable"]:
        return None
    parts = ["gansift", "run", found["source"]]
    parts += ["--labels", shown(os.fspath(labels))] if labels is not None else []
    parts += roles.flags
    parts += ["--size", str(wanted)] if wanted is not None else []
    parts += ["--resize", resize] if resize != USUAL else []
    parts += [] if span is None else ["--range", f"{span.low},{span.high}"]
    parts += ["--split-seed", str(seed)] if seed else []
    parts += ["--fractions", ",".join(map(str, fractions))] if tuple(fractions) != FRACTIONS else []
    return shlex.join(parts + (["--skip-bad"] if skip else []))


def _where(found: Examples | Collection, name: str) -> str:
    return shown(name if isinstance(found, Examples) else found.where(name))


def _words(size: tuple[int, int] | None) -> str:
    return "" if size is None else f"{size[0]}x{size[1]}"


def _suffix(name: str) -> str:
    return shown(os.path.splitext(name)[1].lower()) or "no suffix"


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())


def _printable(groups: Sequence[Sequence[str]]) -> list[list[str]]:
    return [[shown(name) for name in group] for group in groups]
