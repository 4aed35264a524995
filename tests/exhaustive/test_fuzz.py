"""Readers of text that others write return, or raise the one fault that is documented, whatever they are given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.targets import TARGETS


@pytest.mark.parametrize(("name", "seed"), [(name, seed) for name, target in TARGETS.items() for seed in target.seeds])
def test_seed(name, seed):
    """What fuzzing begins with is read."""
    TARGETS[name].run(seed)


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
def test_any_text(name, data):
    """So is any text, and what a seed becomes when parts of it are left out, repeated, or put in from elsewhere."""
    target = TARGETS[name]
    text = data.draw(st.sampled_from(target.seeds))
    for _ in range(data.draw(st.integers(0, 4))):
        begin, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        text = text[:begin] + data.draw(st.text(max_size=8) | st.just(text[begin:end] * 2) | st.just("")) + text[end:]
    target.run(text)
