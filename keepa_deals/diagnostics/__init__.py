"""What the scripts in Diagnostics/ say: read-only unless told otherwise, exit 0 fine, 1 findings, 2 could not look."""
