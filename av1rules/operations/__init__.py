"""The other verbs: undo, adopt, verify, health, status, doctor, clips."""
