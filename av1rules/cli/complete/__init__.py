"""What the shells offer while a command is typed."""

COMPLETE_VARIABLE = "_AV1RULES_COMPLETE"
"""Set by the scripts of `av1rules completion`: what to print, such as `bash_complete`."""
