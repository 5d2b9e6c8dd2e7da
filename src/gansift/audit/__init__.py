"""Audits: functions of what a run left, or of data alone, that each give one `gansift.report.Answer`."""

from gansift.audit.audit import AUDITS, Subject, find, run_audit

__all__ = ["AUDITS", "Subject", "find", "run_audit"]
