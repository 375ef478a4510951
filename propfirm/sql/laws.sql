-- What was sold stays as it was sold.
--
-- A plan that was offered changes only its status, its rank and when; none is deleted but a draft.
CREATE FUNCTION propfirm_plan_law() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'draft' THEN
        RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.status <> 'draft'
        AND to_jsonb(NEW) - ARRAY['status', 'rank', 'market_id', 'withdrawn_at', 'offered_at']
            = to_jsonb(OLD) - ARRAY['status', 'rank', 'market_id', 'withdrawn_at', 'offered_at'] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% keeps what it says: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER plan_law BEFORE UPDATE OR DELETE ON propfirm_propplan
    FOR EACH ROW EXECUTE FUNCTION propfirm_plan_law();
