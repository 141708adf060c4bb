"""The documents whose numbers are computed: ``python -m docs`` writes them again, a test compares."""
