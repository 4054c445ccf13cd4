"""Where segments are made. The interface is `encode/segments/orders.py`; each backend is a file."""
