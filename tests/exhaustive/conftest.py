"""How many examples hypothesis tries: few with every test run, many with `make fuzz`."""

from hypothesis import HealthCheck, settings

# A loaded machine is slow, and that is no fault of an example.
settings.register_profile(
    "few", max_examples=10, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("many", settings.get_profile("few"), max_examples=1_000)
settings.load_profile("few")
