"""What any experiment needs: data, configs, run folders and checkpoints."""
