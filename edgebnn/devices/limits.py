"""How long and how fast a recording may be: what a stranger's file is held to before anything is allocated."""

MAX_LEAD_SAMPLES = 64_000_000
"""Two days at 360 Hz; anything longer is refused before it is read."""
MAX_BEATS = 500_000
"""Two days at 170 beats a minute."""
RATES_HZ = (50.0, 20_000.0)
