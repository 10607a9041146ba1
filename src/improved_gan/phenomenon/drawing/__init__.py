"""What the phenomena have in common: their runs in rows, and how these are drawn."""
