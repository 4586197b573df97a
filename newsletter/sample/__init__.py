"""The sample partnership: what `newsletter demo` and a first `make run` start with."""

from newsletter.sample.loading import load

__all__ = ["load"]
