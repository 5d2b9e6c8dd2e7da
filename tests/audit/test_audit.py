import subprocess
import sys

import made_up_audit as made_up
import pytest

from gansift.audit import AUDITS, find, run_audit
from gansift.errors import UsageError
from gansift.report import Answer

OWN = '''
from gansift.report import Answer, Number

def size(subject, *, at_least: int = 10):
    """Are there enough training examples?"""
    count = sum(len(splits.train) for splits in subject.data.values())
    return Answer("", f"There are {count}.", count < at_least, {"count": Number(float(count))})

def nothing(subject):
    return None

def unknown(subject):
    return Answer("", "Who knows.", None, {"share": Number(float("nan"))})
'''


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(OWN)
    return path


@pytest.mark.parametrize("name", AUDITS)
def test_every_audit_is_found_and_says_what_it_is(name):
    assert find(name).__doc__.strip()


def test_a_person_s_own_audit_is_a_function_in_a_file(own):
    answer = run_audit(f"{own}:size", made_up.subject(0))
    assert answer.to_json() == {
        "audit": "size", "verdict": "There are 200.", "finding": False,
        "numbers": {"count": {"value": 200.0, "ci95": None}},
    }  # fmt: skip
    assert run_audit(f"{own}:size", made_up.subject(0), at_least=300).finding is True


def test_what_is_not_there_is_refused_with_what_is(own):
    with pytest.raises(UsageError, match=r"no audit 'copys' \(did you mean copies\?\); there are .*copies"):
        find("copys")
    with pytest.raises(UsageError, match=r"has no setting 'sample'; it has samples, quantile"):
        run_audit("copies", made_up.subject(0), sample=3)
    with pytest.raises(UsageError, match=r"size has no setting 'most'; it has at_least"):
        run_audit(f"{own}:size", made_up.subject(0), most=3)
    with pytest.raises(UsageError, match=r"returned NoneType, not a gansift\.report\.Answer"):
        run_audit(f"{own}:nothing", made_up.subject(0))
    with pytest.raises(UsageError, match=r"unknown returned no finite number for 'share': nan"):
        run_audit(f"{own}:unknown", made_up.subject(0))
    with pytest.raises(UsageError, match="cannot load an audit"):
        run_audit("no_such_file.py:audit", made_up.subject(0))


def test_an_answer_goes_by_its_own_name_where_it_has_one():
    assert run_audit("copies", made_up.subject(0, held=10), samples=5).audit == "copies"
    assert isinstance(run_audit("copies", made_up.subject(0, held=10), samples=5), Answer)


def test_audits_are_listed_without_torch_and_charts():
    code = "import sys, gansift.audit; print(gansift.audit.AUDITS.keys(), {'torch', 'matplotlib'} & sys.modules.keys())"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.startswith(f"dict_keys({sorted(AUDITS)})")
    assert {"copies", "membership", "usefulness"} <= AUDITS.keys()
    assert shown.strip().endswith("set()")
