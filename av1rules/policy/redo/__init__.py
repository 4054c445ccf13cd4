"""Whether an edit of the policy makes finished targets stale."""
