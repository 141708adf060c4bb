"""Measured numbers: ``python -m bench NAME``; results go to ``bench/results``, documents quote them from there."""
