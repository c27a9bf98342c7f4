"""Draw the figures of trainings and analyses from plain numbers; matplotlib (extra ``plot``) is imported late."""
