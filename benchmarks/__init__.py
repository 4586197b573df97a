"""What `make bench` runs: each measure beside a baseline taken in the same run, so that the ratio means something."""
