"""Pages in plain HTML, CSS and JavaScript, which load nothing."""
