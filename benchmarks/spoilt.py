"""Every kind of file of a run directory is lost, emptied, cut or changed in one bit: what do the verbs make of it?

    python benchmarks/spoilt.py [--verbs run,report,evaluate,export,audit] [--only PATTERN] [--seed 0]

Makes two tiny finished runs, one for each question, with decisions and an audit. Then one file of each kind is spoilt,
one way after the other, in a fresh copy, and a verb works on it. What may come of that:

    made anew   exit code 0, and every result and number of the report is as before
    not read    the same, and the file is still spoilt
    set aside   the same but for the file, which the question does not need: it is named and kept as NAME.damaged; or
                for the part of the report that was made of it, and the message names the command that makes it again
    refused     exit code 1 or 2, the message names the file, or the command that makes it, and nothing else differs
    recovered   (behind refused) the file was deleted, the same command given again, and all is as before

Everything else is a fault: another result, a traceback, a message that does not say which file. Exit code 1 if there
is one.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import command_line
import numpy as np
from kills import do
from PIL import Image
from sklearn.datasets import load_digits

COMMON = (
    "--steps",
    "8",
    "--latents",
    "50",
    "--width",
    "4",
    "--jobs",
    "1",
    "--batch",
    "20",
    "--remove",
    "5,10",
    "--quiet",
)
THIS_MODEL = ("--for-this-model", "--seeds", "2", "--horizons", "0.5,1", "--verify", "4", "--baselines", "density")
NEW_MODELS = (
    "--scoring-seeds", "3", "--choosing-seeds", "2", "--judging-seeds", "2", "--baselines", "density",
)  # fmt: skip

#: A file as it is found, from what it was; None is gone.
WAYS: dict[str, Callable[[bytes, random.Random], bytes | None]] = {
    "gone": lambda content, _: None,
    "empty": lambda content, _: b"",
    "cut": lambda content, draw: content[: draw.randrange(len(content) or 1)],
    "a bit": lambda content, draw: _flipped(content, draw.randrange(8 * len(content))) if content else b"?",
}
# What says how long things took and who did them, or is there to be looked at: nothing is read from it.
_OF_NO_CONSEQUENCE = re.compile(
    r"(^|/)(log\.txt|report\.html|report\.json\.sha256|seconds\.json|\.lock.*|.*\.damaged(-\d+)?|.*\.tmp)$"
)
# Of the report, what depends on the clock or the folder.
_TIMED = {"created", "seconds", "times", "report", "warnings", "run"}


def _flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


class Whole:
    """A finished run that is never touched, copied to be spoilt.

    Args:
        folder: the run directory, which does not exist yet.
        source: of the run.
        flags: of it.
    """

    def __init__(self, folder: Path, source: str, flags: Sequence[str]) -> None:
        self.folder, self._source, self._flags = folder, source, flags
        for arguments in (self.arguments("run", folder), self.arguments("audit", folder)):
            if (done := do(arguments)).code not in (0, 3):
                raise RuntimeError(done.said)
        decisions = folder.with_suffix(".csv")
        first = (folder / "kept.txt").read_text(encoding="utf-8").splitlines()[0]
        decisions.write_text(f"id,decision\n{first},remove\n", encoding="utf-8")
        for arguments in (["cleanse", str(folder), "--decisions", str(decisions), "--quiet"], ["report", str(folder)]):
            if (done := do(arguments)).code != 0:
                raise RuntimeError(done.said)
        self._after: dict[str, dict[str, object]] = {}

    def after(self, verb: str) -> dict[str, object]:
        """What a verb leaves of a copy in which nothing is spoilt."""
        if verb not in self._after:
            copy = shutil.copytree(self.folder, self.folder.with_name("copy"))
            do(self.arguments(verb, copy))
            self._after[verb] = content(copy)
            shutil.rmtree(copy)
            shutil.rmtree(copy.with_suffix(".lists"), ignore_errors=True)
        return self._after[verb]

    def arguments(self, verb: str, folder: Path) -> list[str]:
        """The command of a verb on a copy of the run."""
        match verb:
            case "run":
                return ["run", self._source, "--outdir", str(folder), *COMMON, *self._flags]
            case "audit":
                return ["audit", "copies", str(folder)]
            case "export":
                return ["export", str(folder), str(folder.with_suffix(".lists")), "--format", "lists"]
        return [verb, str(folder)]

    def kinds(self) -> list[Path]:
        """One file of each kind, relative to the folder: the last by name."""
        found = {}
        for path in sorted(path for path in self.folder.rglob("*") if path.is_file()):
            name = str(path.relative_to(self.folder))
            found[re.sub(r"[0-9a-f]{16}|(?<![a-z])\d+", "#", name)] = Path(name)
        return list(found.values())


def content(folder: Path) -> dict[str, object]:
    """Every result by its name; of the report what does not depend on the clock."""
    found: dict[str, object] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(folder))
        if not _OF_NO_CONSEQUENCE.search(name):
            found[name] = _numbers(path) if name == "report.json" else path.read_bytes()
    return found


def _numbers(report: Path) -> object:
    try:
        return _untimed(json.loads(report.read_text(encoding="utf-8")))
    except ValueError:
        return report.read_bytes()


def _untimed(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _untimed(one) for key, one in value.items() if key not in _TIMED}
    return [_untimed(one) for one in value] if isinstance(value, list) else value


def judged(whole: Whole, name: Path, way: str, verb: str, draw: random.Random, folder: Path) -> str:
    """What a verb makes of a copy of a run in which one file is spoilt."""
    expected = whole.after(verb)
    shutil.copytree(whole.folder, folder)
    path = folder / name
    spoilt = WAYS[way](path.read_bytes(), draw)
    path.unlink() if spoilt is None else path.write_bytes(spoilt)
    before = content(folder)
    done = do(whole.arguments(verb, folder))
    if "Traceback" in done.said or done.code not in (0, 1, 2, 3):
        return f"FAULT: exit code {done.code}: {done.said[-1500:]}"
    found = content(folder)
    if done.code in (1, 2):
        result = str(name).removesuffix(".sha256")  # which is moved aside with its checksum
        other = [one for one in _differing(before, found) if not one.startswith(result)]
        # What is missing is as what was never done: the command that does it is named.
        if name.name.removesuffix(".sha256") not in done.said and "`gansift " not in done.said:
            return f"FAULT: refused, and the file is not named: {done.said[-600:]}"
        if other:
            return f"FAULT: refused, and {', '.join(other)} were changed"
        path.unlink(missing_ok=True)
        again = do(whole.arguments(verb, folder))
        good = again.code in (0, 3) and not _differing(expected, content(folder))
        return "refused, recovered" if good else "refused"
    differing = _differing(expected, found)
    if differing and _is_set_aside(name, differing, found, expected, done.said):
        return "set aside"
    unread = path.read_bytes() == spoilt if path.exists() else spoilt is None
    if [one for one in differing if not (unread and one == str(name))]:
        return f"FAULT: {', '.join(differing)} differ: {done.said[-600:]}"
    return "not read" if unread else "made anew"


def _is_set_aside(
    name: Path, differing: Sequence[str], found: Mapping[str, object], expected: Mapping[str, object], said: str
) -> bool:
    """Whether only the file is missing, or what the report had of it, and either is said."""
    result = str(name).removesuffix(".sha256")
    named = Path(result).name in said or "makes it again" in said or "answers that" in said
    report, before = found.get("report.json"), expected.get("report.json")
    if "report.json" in differing:
        if not isinstance(report, dict) or not isinstance(before, dict):
            return False
        parts = {key for key in before if report.get(key) != before[key]}
        if not parts <= {"this_model", "new_models", "verification"}:
            return False
    others = [one for one in differing if one not in ("report.json", result, f"{result}.sha256")]
    return (
        named and not others and all(one not in found or one == str(name) for one in differing if one != "report.json")
    )


def _differing(one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def images(folder: Path, count: int = 240) -> str:
    """A folder of small images in two classes."""
    digits = load_digits()
    for number in range(count):
        path = folder / str(digits.target[number] % 2) / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((digits.images[number] * 15.9).astype(np.uint8)).save(path)
    return str(folder)


def main() -> None:
    """Spoil, look, print."""
    parser = command_line.parser(__doc__, saves=False)
    parser.add_argument("--verbs", default="run,report,evaluate,export,audit")
    parser.add_argument(
        "--only", default="", help="files whose path this regular expression finds, such as cache|looks"
    )
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    counts, faults = Counter[tuple[str, str]](), 0
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        wholes = {
            "this model": Whole(place / "this", "normal-1d", THIS_MODEL),
            "new models": Whole(place / "new", images(place / "images"), NEW_MODELS),
        }
        for question, whole in wholes.items():
            for name in [name for name in whole.kinds() if re.search(given.only, str(name))]:
                row = []
                for verb in given.verbs.split(","):
                    for way in WAYS:
                        draw = random.Random(f"{given.seed} {name} {way} {verb}")
                        found = judged(whole, name, way, verb, draw, copy := place / "copy")
                        shutil.rmtree(copy)
                        shutil.rmtree(copy.with_suffix(".lists"), ignore_errors=True)
                        counts[verb, found.partition(":")[0]] += 1
                        row.append(f"{verb} {way}: {found}")
                print(f"{question} | {name}", *_lines(row), sep="\n  ", flush=True)
    for (verb, outcome), count in sorted(counts.items()):
        faults += count if outcome == "FAULT" else 0
        print(f"{verb:9} {outcome:20} {count}")
    raise SystemExit(1 if faults else 0)


def _lines(row: Sequence[str]) -> Iterator[str]:
    """What is as usual in one line, faults in lines of their own."""
    yield "; ".join(one for one in row if "FAULT" not in one)
    yield from (one for one in row if "FAULT" in one)


if __name__ == "__main__":
    main()
