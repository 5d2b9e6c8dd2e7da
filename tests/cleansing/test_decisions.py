import pytest

from gansift.cleansing import read_decisions
from gansift.errors import UsageError

IDS = ("a", 'b,"ü"', "c", "d")
HEADER = "id,path,decision,reason\n"


def written(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "decisions.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_is_marked_is_removed_in_the_order_of_the_data_and_all_else_stays(tmp_path, encoding, end):
    text = HEADER + 'd,,remove,\n"b,""ü""",x.png,remove,blurred\na,,keep,\nc,,undecided,\n'
    assert read_decisions(written(tmp_path, text.replace("\n", end), encoding), IDS).removed == (IDS[1], "d")


def test_columns_may_be_in_any_order_and_only_two_are_needed(tmp_path):
    assert read_decisions(written(tmp_path, "decision,id\nremove,c\n"), IDS).removed == ("c",)


def test_the_digest_is_that_of_the_set(tmp_path):
    one = read_decisions(written(tmp_path, HEADER + "a,,remove,\nc,,remove,odd\n"), IDS)
    same = read_decisions(written(tmp_path, HEADER + "c,,remove,\nd,,keep,\na,,remove,\n"), IDS)
    other = read_decisions(written(tmp_path, HEADER + "a,,remove,\nd,,remove,\n"), IDS)
    assert one.digest == same.digest != other.digest


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no column id and no column decision"),
        ("id;path;decision;reason\na;;remove;\n", "its first line must be id,path,decision,reason"),
        ("id,path,choice,reason\na,,remove,\n", "no column decision"),
        (HEADER + "a,,remove,\nx9,,keep,\n", "1 ids that are not among the training examples: 'x9'"),
        (HEADER + "a,,remove,\nb,,delete,\n", "line 3: the decision must be remove, keep, undecided, not 'delete'"),
        (HEADER + "a\n", "line 2 has 1 cells, and its first line 4"),
        (HEADER + "a,,keep,\n", "marks nothing 'remove'"),
        (HEADER + "".join(f'"{i}",,remove,\n' for i in ("a", 'b,""ü""', "c", "d")), "marks all 4 training examples"),
        (HEADER + "a,,remove,\nc,,remove,\na,,keep,\n", "1 ids twice and differently: 'a'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, told):
    path = written(tmp_path, text)
    with pytest.raises(UsageError, match=r"decisions\.csv") as error:
        read_decisions(path, IDS)
    assert told in str(error.value)


def test_marked_twice_alike_is_marked_once(tmp_path):
    assert read_decisions(written(tmp_path, HEADER + "a,,remove,\na,,remove,again\n"), IDS).removed == ("a",)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"nowhere\.csv cannot be read: No such file"):
        read_decisions(tmp_path / "nowhere.csv", IDS)
    with pytest.raises(UsageError, match="no CSV file in UTF-8"):
        read_decisions(written(tmp_path, HEADER + "ü,,remove,\n", "latin-1"), IDS)
