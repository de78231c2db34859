"""Where the cells of a sweep run: worker processes here (`local`), a Ray cluster, or Slurm."""
