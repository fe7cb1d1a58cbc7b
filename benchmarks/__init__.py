"""Speed of what the project exists for, against plain versions, in one run."""
