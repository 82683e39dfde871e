"""Where other tools call; apart, so that middlewares need no routes."""

COOP = "/v1/signals/coop"
PICT_RS = "/v1/signals/pict-rs"
PATHS = (COOP, PICT_RS)
