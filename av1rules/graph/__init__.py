"""The doit graph: planned rows as doit tasks, with the ledger as doit's store."""
