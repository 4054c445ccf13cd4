"""Services of service managers: on the screen and as JSON."""
