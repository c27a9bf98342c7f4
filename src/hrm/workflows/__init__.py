"""Work that combines many packages: report, comparison, demo, adaptation, dry run."""
