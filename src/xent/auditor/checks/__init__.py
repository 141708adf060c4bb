"""The catalogue: one file a family, one function a rule. Importing this fills `xent.auditor.finding.RULES`."""

from xent.auditor.checks import forensics as forensics
from xent.auditor.checks import kinds as kinds
from xent.auditor.checks import numerics as numerics
from xent.auditor.checks import storage as storage
