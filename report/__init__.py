"""From run folders and committed records to figures and tables; nothing is recomputed."""
