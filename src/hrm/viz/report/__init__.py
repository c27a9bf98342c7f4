"""Write the report page: one HTML file that loads nothing."""
