"""Two plans of the same films under two policies: which films come out otherwise, and why."""
