"""What each page of the book shows: figures, tables and conclusions, computed from a study's records."""
