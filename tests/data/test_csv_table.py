import bz2
import gzip
import lzma
import tracemalloc
import zipfile

import numpy as np
import pytest

from gansift.data.csv_table import is_csv_name, is_zipped_csv, read_csv
from gansift.data.table import MISSING
from gansift.errors import DataError

PLAIN = "age,job\n37,Sales\n51,Cook\n"


def read(folder, text, ignore=(), name="t.csv"):
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_csv(path, ignore)


def cells(field):
    return field.values.tolist() if field.names is None else [field.names[code] for code in field.values]


def content(table):
    return {field.name: cells(field) for field in table.fields}


SAME = {"age": [37.0, 51.0], "job": ["Sales", "Cook"]}


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        "\ufeff" + PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace(",", ", "),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace("\n", "\n\n"),
        PLAIN.rstrip("\n"),
        'age, "job"\n"37", "Sales"\n51,"Cook"\n',
        " age ,job\n 37, Sales \n+51.0,Cook\n",
    ],
)
def test_every_dialect_of_a_table_is_the_same_table(tmp_path, text):
    assert content(read(tmp_path, text)) == SAME


def test_every_way_of_packing_a_table_is_the_same_table(tmp_path):
    packed = {".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress}
    for suffix, compress in packed.items():
        assert content(read(tmp_path, compress(PLAIN.encode()), name="t.csv" + suffix)) == SAME
    with zipfile.ZipFile(tmp_path / "t.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/t.csv", PLAIN)
        archive.writestr("__MACOSX/t.csv", "junk")
    assert is_zipped_csv(tmp_path / "t.zip")
    assert content(read_csv(tmp_path / "t.zip")) == SAME


def test_a_zip_is_a_table_only_if_it_holds_one_csv_and_nothing_else(tmp_path):
    for names in (["a.csv", "b.csv"], ["a.csv", "a.png"], ["a.txt"], []):
        with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
            for name in names:
                archive.writestr(name, PLAIN)
        assert not is_zipped_csv(tmp_path / "t.zip")
    (tmp_path / "t.zip").write_bytes(b"no zip")
    assert not is_zipped_csv(tmp_path / "t.zip")


@pytest.mark.parametrize("name", ["a.csv", "a.TSV", "a.csv.gz", "b.csv.xz", "c.tsv.bz2"])
def test_tables_are_known_by_their_names(name):
    assert is_csv_name(name)
    assert not is_csv_name(name.replace("csv", "txt").replace("tsv", "txt").replace("TSV", "txt"))


@pytest.mark.parametrize("number", ["0", "-1", "+2", "3.", ".5", "-0.25", "1e5", "1E-3", "2.5e+10", "1e-999"])
def test_what_is_written_like_a_number_is_that_number(tmp_path, number):
    assert content(read(tmp_path, f"a,b\n{number},1\n")) == {"a": [float(number)], "b": [1.0]}


@pytest.mark.parametrize(
    "text", ["1_000", "0x10", "007", "1 000", "1.000.000", "12%", "$5", "1/2", "--1", "e5", "٣", "true"]
)
def test_what_is_not_is_a_category_and_so_are_numbers_beside_it(tmp_path, text):
    table = read(tmp_path, f"a,b\n1,1\n{text},1\n")
    assert cells(table["a"]) == ["1", text]
    assert table["a"].odd == f"{text!r} in line 3"


def test_a_decimal_comma_is_one_where_cells_are_not_separated_by_commas(tmp_path):
    assert content(read(tmp_path, "a;b;c\n1,5;2;1.5\n-3;0,25;2\n")) == {
        "a": [1.5, -3.0],
        "b": [2.0, 0.25],
        "c": [1.5, 2.0],
    }
    mixed = read(tmp_path, "a;b\n1,5;1\n2.5;1\n")
    assert cells(mixed["a"]) == ["1,5", "2.5"]
    assert cells(read(tmp_path, 'a,b\n"1,5",1\n')["a"]) == ["1,5"]


@pytest.mark.parametrize("empty", ["", " ", "?", " ?", "NA", "N/A", "NaN", "nan", "null", '""'])
def test_cells_that_hold_nothing_are_missing_and_change_no_kind(tmp_path, empty):
    table = read(tmp_path, f"a,b,c\n1,x,1\n{empty},{empty},1\n2,y,1\n")
    assert np.array_equal(table["a"].values, [1, np.nan, 2], equal_nan=True)
    assert cells(table["b"]) == ["x", MISSING, "y"]
    assert table["a"].missing.tolist() == table["b"].missing.tolist() == [False, True, False]


def test_a_column_without_a_single_cell_is_one_category(tmp_path):
    assert cells(read(tmp_path, "a,b\n,1\n,2\n")["a"]) == [MISSING, MISSING]


def test_kinds_are_told_from_all_rows_however_far_down_a_word_comes(tmp_path):
    rows = [f"{row},{row}" for row in range(5000)]
    rows[4500] = "4500,unknown"
    table = read(tmp_path, "a,b\n" + "\n".join(rows) + "\n")
    assert table["a"].values.tolist() == list(map(float, range(5000)))
    assert (len(table["b"].names), table["b"].odd) == (5000, "'unknown' in line 4502")
    assert cells(table["b"])[4499:4502] == ["4499", "unknown", "4501"]


def test_cells_may_hold_separators_quotes_and_line_breaks(tmp_path):
    table = read(tmp_path, 'a,b\n"x, ""y""\nz",1\nw,2\nx,three\n')
    assert cells(table["a"]) == ['x, "y"\nz', "w", "x"]
    assert table["b"].odd == "'three' in line 5"  # of the file, not of the table


def test_the_separator_is_the_one_that_the_rows_agree_on(tmp_path):
    assert content(read(tmp_path, "income, before tax;age\n1;2\n3;4\n")) == {
        "income, before tax": [1.0, 3.0],
        "age": [2.0, 4.0],
    }
    assert content(read(tmp_path, "one\n1\n2\n")) == {"one": [1.0, 2.0]}


def test_ignored_columns_are_not_read(tmp_path):
    table = read(tmp_path, "id,age,id2\nx,1,y\n", ignore=["id", "id2", "gone"])
    assert (content(table), table.ignored) == ({"age": [1.0]}, ("id", "id2"))
    assert content(read(tmp_path, ",age\n0,5\n", ignore=["column 1"])) == {"age": [5.0]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t.csv is empty"),
        ("\n \n", "t.csv is empty"),
        ("a,b\n", "t.csv has a header and no rows"),
        ("a,b\n\n\n", "t.csv has a header and no rows"),
        ("a,b,a, b\n1,2,3,4\n", "t.csv has more than one column called 'a', 'b'; rename them"),
        ("1,2.5\n3,4\n", "the first line of .*t.csv holds numbers .'1, 2.5'.; it must hold the names of the columns"),
        (",a\n0,1\n", "column 1 of .*t.csv has no name: give it one, or leave it out with --ignore 'column 1'"),
        ("a,b\n1,2\n3\n", "t.csv, line 3: 1 cells, but the header has 2"),
        ("a,b\n1,2,3\n", "t.csv, line 2: 3 cells, but the header has 2"),
        ('a,b\n"1,2\n', "t.csv, line 2, is no CSV: unexpected end of data"),
        ('a,b\n"1"x,2\n', "t.csv, line 2, is no CSV"),
        ("a,b\n" + "x" * 200_000 + ",1\n", "t.csv, line 2, is no CSV: field larger than field limit"),
        ("a,b\nné,1\n".encode("latin-1"), "t.csv is no UTF-8 text .byte 0xe9.; save it as CSV in UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "t.csv is no UTF-8 text"),
    ],
)
def test_what_is_no_table_is_refused_with_its_line(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, text)


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".bz2"])
def test_damaged_files_are_named(tmp_path, suffix):
    packed = {".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress}[suffix](PLAIN.encode() * 1000)
    for damaged in (b"junk", packed[: len(packed) // 2]):
        with pytest.raises(DataError, match=rf"t\.csv{suffix} cannot be read, or it is damaged"):
            read(tmp_path, damaged, name="t.csv" + suffix)


def test_reading_takes_little_more_memory_than_the_file_has_bytes(tmp_path):
    draw = np.random.default_rng(0)
    rows = [f"{age},job {age % 14},{value:.6f},{'fm'[age % 2]}" for age, value in enumerate(draw.normal(size=40_000))]
    path = tmp_path / "t.csv"
    path.write_text("age,job,value,sex\n" + "\n".join(rows))
    del rows
    tracemalloc.start()
    table = read_csv(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(table) == 40_000
    assert peak < 2 * path.stat().st_size + 2e6  # and the rows that are text at a time
