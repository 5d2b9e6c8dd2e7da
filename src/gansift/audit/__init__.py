"""Audits: functions of what a run left, or of data alone, that each give one `gansift.report.Answer`."""

from gansift.audit.audit import AUDITS, Files, Subject, find, reads_files, run_audit

__all__ = ["AUDITS", "Files", "Subject", "find", "reads_files", "run_audit"]
