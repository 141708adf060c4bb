"""Every experiment is one module here: a state, the edits it allows, and the picture of it.

A module has ``NAME``, ``VERSION``, ``State`` (a frozen dataclass of `stored` fields), ``first(sources)``,
``repair(state, sources)``, ``act(state, action, sources)`` and ``compute(state, sources, only)``. A new one needs
no change in the view.
"""
