"""Read puzzles that others wrote: files of users, published sets, downloads."""
