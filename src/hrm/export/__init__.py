"""A trained network as files that run without this package, in Python, in Node and in a browser."""
