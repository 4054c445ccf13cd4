"""Makes and checks what a release uploads: `doit release`."""
