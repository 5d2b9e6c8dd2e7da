"""Data: sources of examples with stable ids, their train, valid and test splits, and several of them by name."""

from gansift.data.builtin import BUILTINS, digits, mnist, normal_1d, normal_2d
from gansift.data.columns import Column, labelled
from gansift.data.dataset import from_dataset
from gansift.data.encoding import Encoding
from gansift.data.examples import Examples, Splits
from gansift.data.folder import read_folder
from gansift.data.groups import groups_of
from gansift.data.layout import SPLITS
from gansift.data.manifest import changes, read_manifest, write_manifest
from gansift.data.names import shown
from gansift.data.npz import read_npz
from gansift.data.records import Records, Roles, encode, encode_like, open_records
from gansift.data.sets import DataSets, load_sets, parse_source, parse_sources
from gansift.data.sources import load
from gansift.data.splits import FRACTIONS, assign, parse_fractions, split

__all__ = [
    "BUILTINS",
    "FRACTIONS",
    "SPLITS",
    "Column",
    "DataSets",
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
    "groups_of",
    "labelled",
    "load",
    "load_sets",
    "mnist",
    "normal_1d",
    "normal_2d",
    "open_records",
    "parse_fractions",
    "parse_source",
    "parse_sources",
    "read_folder",
    "read_manifest",
    "read_npz",
    "shown",
    "split",
    "write_manifest",
]
