"""The explorer: experiments whose every number is computed here, in Python, and drawn by a view in the browser."""
