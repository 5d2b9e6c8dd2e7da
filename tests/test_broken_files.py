"""Files that people write, spoilt at random: each is read, or refused by one of gansift's own errors, never a crash."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from gansift.cleansing.decisions import read_decisions
from gansift.data.csv_table import read_csv
from gansift.data.labels import number_labels, read_label_file
from gansift.data.manifest import read_manifest
from gansift.data.own_labels import own_labels
from gansift.data.records import Records, Roles
from gansift.errors import GansiftError
from gansift.files import read_json
from gansift.influence.scores import Scores
from gansift.workflow.request import read_toml

_TIMES = 120
_IDS = ("a#1", "b#2", "c#3")
# What is put into a file: separators, quotes, other encodings, numbers beyond all bounds, brackets without end.
_TOKENS = [
    b",", b";", b"\t", b"\n", b"\r", b"\r\n", b'"', b'""', b"'", b"=", b"\0", b"\xff", b"\xe9", b"\xef\xbb\xbf",
    b"\xed\xa0\x80", b"nan", b"NaN", b"inf", b"-1", b"1e999", b"9" * 5000, b"0x1", b"[" * 3000, b"{", b"}", b"]",
    b"null", b"true", b":", b"x" * 140_000, "é".encode("utf-16"), "½".encode(), "\u202e".encode(), b"../",
    b"/etc/passwd", b" ", b"\\", b"#", b"%",
]  # fmt: skip

_LABELS = b"path,label\na.png,3\nb.png,4\nc/d.png,x\n"
_JSON_LABELS = b'{"labels": [["a.png", 3], ["b.png", 4], ["c/d.png", "x"]]}'
_MANIFEST = b"id,path,sha256,set,split,label\na#1,a,00,data,train,x\nb#2,b,01,data,test,y\n"
_DECISIONS = b"id,path,decision,reason\na#1,a,remove,blurred\nb#2,b,keep,\n"
_SCORES = (
    b"id,score,score_se,rank,metric,direction,estimator,horizon,steps,removal,run\n"
    b"a#1,-0.5,0.1,1,fid,lower,itd,3,5,renormalised,r\nb#2,0.5,0.1,2,fid,lower,itd,3,5,renormalised,r\n"
)
_TABLE = b"age,sex,label\n1.5,m,0\n2,f,1\n,m,1\n-3e4,f,0\n"


def _labels(path):
    number_labels(list(read_label_file(path).names.values()))


def _table(path):
    Records.of("t", read_csv(path), Roles.parse("label", "", "", "", "mean"))


def _beside(name) -> Callable[[Path], object]:
    return lambda path: own_labels(Path("there"), [name, "a.png"], lambda asked: path.read_bytes())


READERS: dict[str, tuple[str, bytes, Callable[[Path], object]]] = {
    "labels": ("l.csv", _LABELS, _labels),
    "StyleGAN's labels": ("l.json", _JSON_LABELS, _labels),
    "metadata": ("m.csv", b"file_name,label,split\na.png,x,train\n", _beside("metadata.csv")),
    "metadata in lines": ("m.jsonl", b'{"file_name": "a.png", "label": 1}\n', _beside("metadata.jsonl")),
    "dataset.json": ("d.json", _JSON_LABELS, _beside("dataset.json")),
    "an exported manifest": ("m.csv", b"id,file_name,label,split\n1,a.png,x,train\n", _beside("manifest.csv")),
    "manifest": ("m.csv", _MANIFEST, read_manifest),
    "decisions": ("d.csv", _DECISIONS, lambda path: read_decisions(path, _IDS)),
    "scores": ("s.csv", _SCORES, Scores.read),
    "table": ("t.csv", _TABLE, _table),
    "JSON": ("j.json", b'{"a": [1, 2.5, "x", null, true]}', read_json),
    "settings": ("s.toml", b'steps = 3\nlr = 0.5\nloss = "x"\n[a]\nb = [1, 2]\n', read_toml),
}


def _spoilt(content: bytes, random_numbers: random.Random) -> bytes:
    """The content after one to four changes: cut off, tokens put in or over, parts doubled or swapped, bits flipped."""
    found = bytearray(content)
    for _ in range(random_numbers.randint(1, 4)):
        place = random_numbers.randint(0, len(found))
        token = random_numbers.choice(_TOKENS)
        match random_numbers.randrange(6):
            case 0:
                del found[place:]
            case 1:
                found[place:place] = token
            case 2:
                found[place : place + len(token)] = token
            case 3:
                found[place:place] = found[: random_numbers.randint(0, len(found))]
            case 4 if place < len(found):
                found[place] ^= 1 << random_numbers.randrange(8)
            case _:  # one cell, or value, for another
                cells = bytes(found).split(b",")
                cells[random_numbers.randrange(len(cells))] = token
                found = bytearray(b",".join(cells))
    return bytes(found)


@pytest.mark.parametrize("name", READERS)
def test_a_spoilt_file_is_read_or_refused(tmp_path, name):
    file, content, read = READERS[name]
    path = tmp_path / file
    path.write_bytes(content)
    read(path)  # as it was written it is read
    random_numbers, refused = random.Random(name), 0
    for time in range(_TIMES):
        path.write_bytes(spoilt := _spoilt(content, random_numbers))
        try:
            read(path)
        except GansiftError:
            refused += 1
        except Exception as error:
            pytest.fail(f"{type(error).__name__}: {error}, of {name} no. {time}: {spoilt[:300]!r}")
    assert 0 < refused < _TIMES
