import pytest

from gansift.data.encoding import Encoding
from gansift.errors import UsageError
from gansift.report.views.view import VIEWS, find, view_of


def test_the_view_is_told_from_the_data():
    assert [view_of((1, 8, 8)), view_of((3,)), view_of((3,), encoding=Encoding(()))] == ["images", "points", "records"]


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_has_what_the_page_asks_of_it(name):
    view = find(name)
    assert name.removesuffix("s") == view.NOUN
    assert isinstance(view.COMPACT, bool)
    for function in ("gallery", "one", "score_map", "before_after"):
        assert callable(getattr(view, function))


def test_a_view_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(UsageError, match="'films'; there are images, points, records"):
        find("films")
