"""Shows results of rules tests: to people, and to CI services."""
