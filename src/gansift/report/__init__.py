"""What a run leaves for people and for other programs: the HTML page, its charts, and exports."""

from gansift.report.export import FORMATS, LINKS, export, write_lists
from gansift.report.neighbours import nearest
from gansift.report.page import write_page
from gansift.report.pictures import Pictures
from gansift.report.review import Review

__all__ = ["FORMATS", "LINKS", "Pictures", "Review", "export", "nearest", "write_lists", "write_page"]
