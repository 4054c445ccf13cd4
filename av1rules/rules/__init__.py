"""The policy: a YAML file to typed rules, and rules plus facts to settings. Runs no program."""
