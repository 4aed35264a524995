"""The order of yoyo's migrations."""

import pytest

from gatekeeper.tools.yoyo import in_order


def test_order():
    """By name, but after what is needed, which Python and SQL say each in their way."""
    files = {
        "1": ("1.py", "__depends__ = {'3'}\nsteps = []"),
        "2": ("2.sql", "-- a comment\n-- depends: 1\n-- depends: 3\nSELECT 1;\n-- depends: 9"),
        "3": ("3.py", "from yoyo import step\n__depends__ = {}  # as `yoyo new` writes it"),
        "4": ("4.sql", "SELECT 1"),
    }
    assert in_order(files) == ["3", "1", "2", "4"]
    with pytest.raises(ValueError, match=r"1\.py depends on 3, which no file has"):
        in_order({"1": files["1"]})
    with pytest.raises(ValueError, match="in a circle"):
        in_order({"1": files["1"], "3": ("3.py", "__depends__ = '1'")})
    with pytest.raises(ValueError, match=r"""1\.py has 7 where names are to be; write for example \{"0001\.a"\}"""):
        in_order({"1": ("1.py", "__depends__ = 7")})
    with pytest.raises(ValueError, match=r"1\.py computes __depends__"):
        in_order({"1": ("1.py", "__depends__ = {x}")})
