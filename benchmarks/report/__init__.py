"""From result files to RESULTS.md, its pictures, and the table of README.md; no figure is typed by hand."""
