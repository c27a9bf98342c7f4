"""From a puzzle to an answer."""
