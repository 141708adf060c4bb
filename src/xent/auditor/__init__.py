"""The auditor: point it at predictions, and it says what is wrong, with the evidence and the fix.

``xent.audit(logits, labels)`` gives a Report, ``xent.Auditor`` the same for batches, ``xent audit FILE`` for files.
"""

from xent.auditor.arrays import Auditor, audit
from xent.auditor.engine import audit_files
from xent.auditor.finding import Evidence, Finding, Rule
from xent.auditor.numbers import Numbers
from xent.auditor.plan import AuditError, Plan
from xent.auditor.report import Report, report_of
from xent.auditor.summary import Summary

__all__ = [
    "AuditError",
    "Auditor",
    "Evidence",
    "Finding",
    "Numbers",
    "Plan",
    "Report",
    "Rule",
    "Summary",
    "audit",
    "audit_files",
    "report_of",
]
