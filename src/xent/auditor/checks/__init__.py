"""The catalogue: one file a family, one function a rule. Importing this fills `xent.auditor.finding.RULES`."""

from xent.auditor.checks import alignment as alignment
from xent.auditor.checks import calibration as calibration
from xent.auditor.checks import data as data
from xent.auditor.checks import forensics as forensics
from xent.auditor.checks import kinds as kinds
from xent.auditor.checks import numerics as numerics
from xent.auditor.checks import prior as prior
from xent.auditor.checks import rows as rows
from xent.auditor.checks import storage as storage
