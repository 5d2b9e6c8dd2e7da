"""What a run leaves for people and for other programs: the HTML page, its charts, answers of audits, and exports."""

from gansift.report.answer import Answer, Curves, Gallery, Number, Scatter, Table, read_answers, write_answer
from gansift.report.answer_text import answer_text
from gansift.report.export import FORMATS, LINKS, export, write_lists
from gansift.report.neighbours import nearest
from gansift.report.page import write_page
from gansift.report.review import Review
from gansift.report.shown import Shown, ShownSet
from gansift.report.summary import Summary, read_summary

__all__ = [
    "FORMATS", "LINKS", "Answer", "Curves", "Gallery", "Number", "Review", "Scatter", "Shown", "ShownSet", "Summary",
    "Table", "answer_text", "export", "nearest", "read_answers", "read_summary", "write_answer", "write_lists",
    "write_page",
]  # fmt: skip
