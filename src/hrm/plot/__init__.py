"""Figures. They take plain numbers and need matplotlib (the extra ``plot``), imported only when one is drawn."""
