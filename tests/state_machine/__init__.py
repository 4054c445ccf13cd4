"""A user and av1rules share a library: a state machine."""

import pytest

pytest.register_assert_rewrite("tests.state_machine.invariants")
