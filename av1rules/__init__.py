"""av1rules: re-encode a video library to AV1 by a policy that lives in version control."""

__version__ = "0.1.0"
