"""What `make bench` runs: every benchmark, one after the other. One alone: `python -m benchmarks.rendering`."""

from benchmarks import rendering

if __name__ == "__main__":
    rendering.main()
