"""Numbers of people as they may be shown: a small one might point at somebody."""

#: A number below this is not said.
FEWEST = 5


def in_public(number: int) -> str:
    """ "1,200"; "fewer than 5" for 1 to 4."""
    return f"fewer than {FEWEST}" if 0 < number < FEWEST else f"{number:,}"
