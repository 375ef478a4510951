-- What was sold stays as it was sold, and what was issued stays as it was issued, whatever program writes.
--
-- 1. A published plan and its prices do not change, but for whether they are offered; none is deleted.
-- 2. An invoice keeps its number and its amounts; only what names a person on it may be blanked. None is deleted.

CREATE FUNCTION payments_keeps_all_but() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - TG_ARGV[0] = to_jsonb(OLD) - TG_ARGV[0] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% keeps what it says: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER plan_version_law BEFORE UPDATE OR DELETE ON payments_planversion
    FOR EACH ROW EXECUTE FUNCTION payments_keeps_all_but('is_offered');
CREATE TRIGGER plan_price_law BEFORE UPDATE OR DELETE ON payments_planprice
    FOR EACH ROW EXECUTE FUNCTION payments_keeps_all_but('is_offered');
CREATE TRIGGER invoice_law BEFORE UPDATE OR DELETE ON payments_invoice
    FOR EACH ROW EXECUTE FUNCTION payments_keeps_all_but('document');
