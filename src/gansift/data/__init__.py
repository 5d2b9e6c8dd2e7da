"""Data: sources of examples with stable ids, and their train, valid and test splits."""

from gansift.data.builtin import BUILTINS, digits, mnist, normal_1d, normal_2d
from gansift.data.columns import Column, labelled
from gansift.data.dataset import from_dataset
from gansift.data.encoding import Encoding
from gansift.data.examples import Examples, Splits
from gansift.data.folder import read_folder
from gansift.data.manifest import changes, write_manifest
from gansift.data.names import shown
from gansift.data.npz import read_npz
from gansift.data.records import Records, Roles, encode, encode_like, open_records
from gansift.data.sources import load
from gansift.data.splits import FRACTIONS, SPLITS, assign, split

__all__ = [
    "BUILTINS",
    "FRACTIONS",
    "SPLITS",
    "Column",
    "Encoding",
    "Examples",
    "Records",
    "Roles",
    "Splits",
    "assign",
    "changes",
    "digits",
    "encode",
    "encode_like",
    "from_dataset",
    "labelled",
    "load",
    "mnist",
    "normal_1d",
    "normal_2d",
    "open_records",
    "read_folder",
    "read_npz",
    "shown",
    "split",
    "write_manifest",
]
