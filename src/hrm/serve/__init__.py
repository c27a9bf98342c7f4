"""Answer puzzles over HTTP: ``hrm serve``. ``api`` holds what can be asked, ``worker`` computes, ``http`` speaks."""
