"""The catalogue: one file a family, one function a rule. Importing this fills `xent.auditor.finding.RULES`."""
