"""Which bed a key means, however beds come and leave."""

import random

import pytest

from monitor.names import natural
from monitor.station.numbers import SETTLE_S, Numbers


def test_names_stand_in_the_order_of_their_figures() -> None:
    """Whatever came first, and whatever the names are made of."""
    names = [
        "",
        "2",
        "10",
        "bed2",
        "BED3",
        "bed10",
        "bed10a",
        "ward 1 bed 9",
        "ward 1 bed 10",
        "ward 2 bed 1",
    ]
    shuffled = random.Random(1).sample(names, len(names))
    assert names == sorted(shuffled, key=natural)
    assert len({natural(name) for name in ("bed2", "bed02", "Bed2")}) == 3


@pytest.mark.parametrize(
    ("before", "after", "settled"),
    [
        ((), ("1", "2"), True),  # nobody has read a number
        (("1", "3"), ("1", "3"), True),
        (("1", "3"), ("1", "3", "4"), True),
        (("1", "3"), ("1",), True),
        (("1", "3"), ("1", "2", "3"), False),
        (("1", "2", "3"), ("1", "3"), False),
        (("1", "2"), (), True),
    ],
)
def test_a_number_means_no_bed_while_numbers_have_just_changed(
    before: tuple[str, ...], after: tuple[str, ...], settled: bool
) -> None:
    """Whoever reads 2 and presses it finds the bed that was read, or is told to look again."""
    numbers = Numbers()
    numbers.drawn(before, 0.0)
    numbers.drawn(after, 10.0)
    numbers.drawn(after, 10.1)
    assert after == numbers.names
    assert settled == numbers.settled("2", 10.0 + SETTLE_S / 2)
    assert numbers.settled("2", 10.0 + SETTLE_S)
    for key in ("a", "space", "A", "P", "right", "escape"):
        assert numbers.settled(key, 10.0)


def test_what_is_for_the_chosen_bed_is_for_none_while_it_has_just_gone() -> None:
    """The bed that took its place is another patient's."""
    numbers = Numbers()
    numbers.rechosen(10.0)
    for key in ("a", "space"):
        assert not numbers.settled(key, 11.0)
        assert numbers.settled(key, 10.0 + SETTLE_S)
    for key in ("A", "P", "2", "right"):
        assert numbers.settled(key, 11.0)
