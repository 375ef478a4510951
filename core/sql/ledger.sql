-- The ledger's own laws, held by PostgreSQL whatever program writes to it.
--
-- 1. Append-only: UPDATE, DELETE and TRUNCATE are refused. A test database may allow TRUNCATE for its session
--    (arena.allow_truncate = on) so that it can be emptied between tests.
-- 2. Every journal has at least two postings, balances to zero in each currency at commit, and each posting has the
--    currency and the book of its ledger account.
-- 3. Postings belong to the transaction that wrote their journal: none is added later.

CREATE FUNCTION core_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND current_setting('arena.allow_truncate', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;

-- core_append_only_attach('trading_fill') makes a table append-only; _detach undoes it. For the migrations of other apps.
CREATE FUNCTION core_append_only_attach(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON %s'
                   ' FOR EACH ROW EXECUTE FUNCTION core_append_only()', target);
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %s'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION core_append_only()', target);
END $$;

CREATE FUNCTION core_append_only_detach(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DROP TRIGGER IF EXISTS append_only_rows ON %s', target);
    EXECUTE format('DROP TRIGGER IF EXISTS append_only_truncate ON %s', target);
END $$;

SELECT core_append_only_attach(t::regclass)
FROM unnest(ARRAY['core_ledgeraccount', 'core_journal', 'core_posting', 'core_seal', 'core_sealedjournal',
                  'core_auditentry']) AS t;

-- The transaction that wrote the journal. A column of its own, because a row's xmin differs inside a savepoint.
ALTER TABLE core_journal ADD COLUMN xact xid8 NOT NULL DEFAULT pg_current_xact_id();

-- Once per journal, at commit: one index range of postings, one primary-key lookup for each. The plan is fixed, because one
-- made in a session that began on empty tables would scan them whole for as long as the session lasts.
CREATE FUNCTION core_journal_balanced() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    legs bigint;
    total numeric;
    currencies_differ boolean;
    fitting boolean;
BEGIN
    SELECT count(*), sum(p.amount_minor), min(p.currency) <> max(p.currency),
           bool_and(a.currency = p.currency AND a.book = NEW.book)
    INTO legs, total, currencies_differ, fitting
    FROM core_posting p JOIN core_ledgeraccount a ON a.id = p.account_id
    WHERE p.journal_id = NEW.id;
    IF legs < 2 THEN
        RAISE EXCEPTION 'journal % has fewer than two postings', NEW.id USING ERRCODE = 'check_violation';
    ELSIF NOT fitting THEN
        RAISE EXCEPTION 'journal % has a posting in another book or currency than its ledger account', NEW.id
            USING ERRCODE = 'check_violation';
    ELSIF currencies_differ THEN
        SELECT max(abs(per_currency)) INTO total
        FROM (SELECT sum(amount_minor) AS per_currency FROM core_posting WHERE journal_id = NEW.id GROUP BY currency) t;
    END IF;
    IF total <> 0 THEN
        RAISE EXCEPTION 'journal % does not balance to zero', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER journal_balanced AFTER INSERT ON core_journal
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION core_journal_balanced();

CREATE FUNCTION core_posting_same_transaction() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added n JOIN core_journal j ON j.id = n.journal_id WHERE j.xact <> pg_current_xact_id()
    ) THEN
        RAISE EXCEPTION 'a posting was added to a journal of an earlier transaction'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER posting_same_transaction AFTER INSERT ON core_posting
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION core_posting_same_transaction();
