"""What `--json` prints, as types: schema/output/ is made from them, docs/json.md explains them."""
