"""Ground floor: money, clock, errors, ledger, outbox, idempotency, audit, embedded services."""
