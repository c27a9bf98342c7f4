"""A page on which a person gives a puzzle and watches a model think: static files that load nothing from elsewhere.

``site`` lists the files, ``describe`` says what an editor must know of a family, ``examples`` finds puzzles to try. The
page speaks to a model through one file, ``backend.js``: over HTTP here, and whatever else keeps its contract elsewhere.
"""
