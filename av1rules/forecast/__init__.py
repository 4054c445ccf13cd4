"""How long and how large: forecasts of a plan, and how they came out."""
