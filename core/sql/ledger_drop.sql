-- Undoes ledger.sql.
DROP TRIGGER posting_same_transaction ON core_posting;
DROP FUNCTION core_posting_same_transaction();
DROP TRIGGER journal_balanced ON core_journal;
DROP FUNCTION core_journal_balanced();
ALTER TABLE core_journal DROP COLUMN xact;
SELECT core_append_only_detach(t::regclass)
FROM unnest(ARRAY['core_ledgeraccount', 'core_journal', 'core_posting', 'core_seal', 'core_sealedjournal',
                  'core_auditentry']) AS t;
DROP FUNCTION core_append_only_detach(regclass);
DROP FUNCTION core_append_only_attach(regclass);
DROP FUNCTION core_append_only();
