"""``python -m xent`` is the ``xent`` command."""

from xent.cli import main

raise SystemExit(main())
