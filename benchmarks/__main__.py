"""What `make bench` runs: every benchmark, one after the other. One alone: `python -m benchmarks.rendering`."""

from benchmarks import rendering, wire

if __name__ == "__main__":
    rendering.main()
    wire.main()
