"""What manifests/ ships, applied as it stands: every example holds its pod, and ends in a running app.

Meshes, Argo CD, Helm and network policies are not needed for any of them, and not there.
"""

import pytest

from servers.examples import WHOLE, runnable


@pytest.mark.parametrize("directory", [*WHOLE, *runnable()])
def test_example(applied, directory):
    """The app starts, and not before the example's Job is Complete; those of a schema were held until then."""
    opened = applied[directory].opened()
    assert opened.message.startswith("opened: ")
    assert opened.restarts == 0
    mode, name, *_ = opened.seen.spec.init_containers[-1].args
    if mode == "job":
        assert applied[directory].job(name).status.completion_time <= opened.app.state.running.started_at
