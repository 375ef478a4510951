-- The order path's two statements. Both run inside the caller's transaction.

CREATE SEQUENCE IF NOT EXISTS trading_order_id;
CREATE SEQUENCE IF NOT EXISTS trading_fill_id;

-- Lock one account and load everything that a decision about it needs, each part read after the lock is held.
-- Returns NULL when there is no such account (or, with skip_locked, when another transaction has it).
-- p: listing_id | order_id (an existing order of the account to act on), scope and key (idempotency), day_start,
-- ids (how many order ids to take), side (of a new order), skip_locked, marks (whether a margin account's positions are
-- needed), minute and today (whether orders are to be counted).
-- Never by a sequential scan: a session keeps the plans that it made while a table was young and small.
CREATE OR REPLACE FUNCTION trading_snapshot(p_account_id bigint, p jsonb) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    a trading_account%ROWTYPE;
    o trading_order%ROWTYPE;
    q trading_position%ROWTYPE;
    i core_idempotencyrecord%ROWTYPE;
    v_listing bigint := (p ->> 'listing_id')::bigint;
    v_day timestamptz := (p ->> 'day_start')::timestamptz;
    v_owner jsonb;
    v_group jsonb;
    v_market jsonb;
    v_risk jsonb;
    v_limits jsonb;
    v_companions jsonb;
    v_positions jsonb;
    v_rules jsonb;
    v_trades integer;
    v_minute integer;
    v_today integer;
    v_equity bigint;
    v_day_equity bigint;
    v_taken numeric;
    v_working numeric;
    v_ids jsonb;
BEGIN
    IF (p ->> 'skip_locked')::boolean THEN
        SELECT * INTO a FROM trading_account WHERE id = p_account_id FOR NO KEY UPDATE SKIP LOCKED;
    ELSE
        SELECT * INTO a FROM trading_account WHERE id = p_account_id FOR NO KEY UPDATE;
    END IF;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF p ? 'order_id' THEN
        SELECT * INTO o FROM trading_order WHERE id = (p ->> 'order_id')::bigint AND account_id = p_account_id
            FOR NO KEY UPDATE;
        v_listing := o.listing_id;
    END IF;
    IF v_listing IS NOT NULL THEN
        SELECT * INTO q FROM trading_position WHERE account_id = p_account_id AND listing_id = v_listing;
        IF a.open_orders_count > 0 THEN
            SELECT jsonb_agg(to_jsonb(c) ORDER BY c.id) INTO v_companions FROM trading_order c
            WHERE c.account_id = p_account_id AND c.listing_id = v_listing
                AND c.status IN ('held', 'accepted', 'triggered', 'partially_filled') AND c.id IS DISTINCT FROM o.id
                AND (c.reduce_only OR c.link_id = o.link_id OR c.link_id = o.id OR c.id = o.link_id);
        END IF;
    END IF;
    IF p ? 'key' THEN
        SELECT * INTO i FROM core_idempotencyrecord WHERE scope = p ->> 'scope' AND key = p ->> 'key';
    END IF;
    -- The owner's standing, and the platform's halt: its message while it is on, null otherwise.
    SELECT jsonb_build_object('status', u.status, 'is_active', u.is_active, 'clearance', u.clearance,
            'edition', (SELECT coalesce(max(t.edition), 1) FROM accounts_legaltext t),
            'halt', (SELECT h.message FROM core_systemflag h
                WHERE h.key = 'trading_halt' AND h.is_on AND (h.until IS NULL OR h.until > clock_timestamp()))) INTO v_owner
        FROM accounts_user u WHERE u.id = a.owner_id;
    SELECT jsonb_build_object('status', m.status, 'tick', m.tick, 'at', m.tick_at, 'venue', m.venue) INTO v_market
        FROM marketdata_market m WHERE m.id = a.market_id;
    SELECT r.limits INTO v_risk FROM trading_risksettings r WHERE r.owner_id = a.owner_id;
    IF a.group_id IS NOT NULL THEN
        SELECT jsonb_build_object('status', g.status, 'policy', g.policy) INTO v_group
            FROM trading_accountgroup g WHERE g.id = a.group_id;
    END IF;
    -- Which limits there are: the person's own and those of the group. The tighter of each is the decision's business.
    v_limits := coalesce(v_group -> 'policy' -> 'limits', '{}'::jsonb) || coalesce(v_risk, '{}'::jsonb);
    IF v_day IS NOT NULL AND (v_group -> 'policy' ? 'max_trades_per_day' OR v_limits ? 'max_trades_per_day') THEN
        SELECT count(*) INTO v_trades FROM trading_fill f WHERE f.account_id = a.id AND f.market_at >= v_day;
        -- Entries that rest count with the fills: they would fill beyond the limit.
        SELECT v_trades + count(*) INTO v_trades FROM trading_order w WHERE a.open_orders_count > 0
            AND w.account_id = a.id AND w.id IS DISTINCT FROM o.id
            AND w.status IN ('accepted', 'triggered', 'partially_filled') AND NOT w.reduce_only AND w.role = '';
    END IF;
    IF p ? 'ids' AND a.open_orders_count > 0
        AND (v_group -> 'policy' ? 'max_position_pct' OR v_limits ? 'max_position_pct')
    THEN
        SELECT sum(w.quantity - w.filled_quantity) INTO v_working FROM trading_order w
        WHERE w.account_id = a.id AND w.listing_id = v_listing AND w.id IS DISTINCT FROM o.id
            AND w.side = coalesce(o.side, p ->> 'side') AND NOT w.reduce_only AND w.role = ''
            AND w.status IN ('accepted', 'triggered', 'partially_filled');
    END IF;
    -- Newest first and no further than the limit: the count costs what the limit is. Legs came with their entry.
    IF v_limits ? 'max_orders_per_minute' THEN
        SELECT count(*) INTO v_minute FROM (SELECT created_at FROM trading_order WHERE account_id = a.id
            AND (role = '' OR link_id = id OR replaces_id IS NOT NULL) ORDER BY id DESC LIMIT (v_limits ->> 'max_orders_per_minute')::integer) n
        WHERE n.created_at > clock_timestamp() - interval '1 minute';
    END IF;
    IF v_day IS NOT NULL AND v_limits ? 'max_orders_per_day' THEN
        SELECT count(*) INTO v_today FROM (SELECT market_at FROM trading_order WHERE account_id = a.id
            AND (role = '' OR link_id = id OR replaces_id IS NOT NULL) ORDER BY id DESC LIMIT (v_limits ->> 'max_orders_per_day')::integer) n
        WHERE n.market_at >= v_day;
    END IF;
    IF a.is_margin OR v_limits <> '{}'::jsonb OR v_group -> 'policy' ? 'max_position_pct' THEN
        SELECT equity_minor, day_equity_minor INTO v_equity, v_day_equity
            FROM trading_accountmark k WHERE k.account_id = a.id;
    END IF;
    -- A new order of an account under rules is judged by them: by all that it holds and has sent.
    IF p ? 'ids' THEN
        SELECT jsonb_build_object('hash', s.hash, 'document', s.document, 'state', r.state) INTO v_rules
            FROM trading_accountrules r JOIN trading_ruleset s ON s.id = r.rule_set_id WHERE r.account_id = a.id;
        IF v_rules IS NOT NULL THEN
            SELECT v_rules || jsonb_build_object(
                'working', sum(w.quantity - w.filled_quantity)
                    FILTER (WHERE w.listing_id = v_listing AND w.side = coalesce(o.side, p ->> 'side')),
                'opening', jsonb_agg(DISTINCT w.listing_id)) INTO v_rules
            FROM trading_order w WHERE w.account_id = a.id AND w.id IS DISTINCT FROM o.id
                AND w.status IN ('accepted', 'triggered', 'partially_filled') AND NOT w.reduce_only AND w.role = '';
        END IF;
    END IF;
    IF a.is_margin OR v_rules IS NOT NULL THEN
        SELECT jsonb_agg(to_jsonb(s) || jsonb_build_object('symbol', l.symbol) ORDER BY s.id) INTO v_positions
        FROM trading_position s JOIN marketdata_listing l ON l.id = s.listing_id
        WHERE s.account_id = a.id AND s.quantity <> 0;
    END IF;
    -- Only an order has a side: expiry and corporate actions take nothing of a quote.
    IF (v_market -> 'venue' ->> 'sizes')::boolean AND v_listing IS NOT NULL AND coalesce(o.side, p ->> 'side') IS NOT NULL
    THEN
        INSERT INTO trading_quoteuse AS l (listing_id, tick, side)
        VALUES (v_listing, (v_market ->> 'tick')::integer, coalesce(o.side, p ->> 'side'))
        ON CONFLICT (listing_id, tick, side) DO UPDATE SET taken = l.taken RETURNING taken INTO v_taken;
    END IF;
    IF p ? 'ids' THEN
        -- An entry that is given the person's default legs needs ids for them.
        SELECT jsonb_agg(nextval('trading_order_id')) INTO v_ids FROM generate_series(1, CASE
            WHEN v_limits ?| ARRAY['default_stop_pct', 'default_target_pct'] THEN 3 ELSE (p ->> 'ids')::integer END);
    END IF;
    RETURN jsonb_build_object(
        'account', to_jsonb(a),
        'owner', v_owner,
        'group', v_group,
        'market', v_market,
        'risk', v_risk,
        'position', CASE WHEN q.id IS NULL THEN NULL ELSE to_jsonb(q) END,
        'order', CASE WHEN o.id IS NULL THEN NULL ELSE to_jsonb(o) END,
        'companions', v_companions,
        'positions', v_positions,
        'rules', v_rules,
        'replay', CASE WHEN i.id IS NULL THEN NULL ELSE jsonb_build_object(
            'body_hash', i.body_hash, 'status', i.status, 'response', i.response) END,
        'trades_today', v_trades,
        'orders_minute', v_minute,
        'orders_today', v_today,
        'equity_minor', v_equity,
        'day_equity_minor', v_day_equity,
        'taken', v_taken,
        'working', v_working,
        'order_ids', v_ids,
        'fill_id', nextval('trading_fill_id'),
        'now', clock_timestamp());
END $$;

-- The ledger account that collects one kind of charge in a market, made when it is not there yet.
CREATE OR REPLACE FUNCTION trading_charge_account(p_market bigint, p_kind text, p_currency text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_id bigint;
    v_code text := 'market:' || p_market || ':fees:' || p_kind;
BEGIN
    SELECT id INTO v_id FROM core_ledgeraccount WHERE book = 'virtual' AND code = v_code AND currency = p_currency;
    IF v_id IS NULL THEN
        INSERT INTO core_ledgeraccount (book, code, kind, currency) VALUES ('virtual', v_code, 'fees', p_currency)
        ON CONFLICT DO NOTHING RETURNING id INTO v_id;
    END IF;
    IF v_id IS NULL THEN
        SELECT id INTO v_id FROM core_ledgeraccount WHERE book = 'virtual' AND code = v_code AND currency = p_currency;
    END IF;
    RETURN v_id;
END $$;

-- A balanced journal of the virtual book. A leg is [ledger account or null, amount, kind of charge when null].
CREATE OR REPLACE FUNCTION trading_post(
    p_market bigint, p_kind text, p_reference text, p_memo text, p_currency text, p_legs jsonb, p_at timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_journal bigint;
BEGIN
    INSERT INTO core_journal (book, kind, reference, memo, market_at)
    VALUES ('virtual', p_kind, p_reference, p_memo, p_at) RETURNING id INTO v_journal;
    INSERT INTO core_posting (journal_id, account_id, amount_minor, currency)
    SELECT v_journal, coalesce((l ->> 0)::bigint, trading_charge_account(p_market, l ->> 2, p_currency)),
        (l ->> 1)::bigint, p_currency
    FROM jsonb_array_elements(p_legs) l;
END $$;

-- Apply a whole decision about one locked account: orders, steps, fill, adjustment, journal, position, cash, events,
-- idempotency record. The account row must be locked by trading_snapshot in this transaction.
CREATE OR REPLACE FUNCTION trading_apply(d jsonb) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    v_account bigint := (d ->> 'account_id')::bigint;
    v_market bigint := (d ->> 'market_id')::bigint;
    v_at timestamptz := (d ->> 'market_at')::timestamptz;
    o jsonb;
    u jsonb;
    f jsonb := d -> 'fill';
    j jsonb := d -> 'adjustment';
    p jsonb := d -> 'position';
    a jsonb := d -> 'account';
    l jsonb := d -> 'liquidity';
    k jsonb := d -> 'idempotency';
BEGIN
    FOR o IN SELECT * FROM jsonb_array_elements(d -> 'orders') LOOP
        INSERT INTO trading_order (id, account_id, listing_id, symbol, side, type, time_in_force, quantity,
            filled_quantity, limit_price, stop_price, trail_amount, trail_percent, extreme, triggered, expires_at, live_at,
            reduce_only, order_class, role, link_id, replaces_id, replaced_by_id, average_price, notional_minor, fees_minor,
            status, reserved_minor, reserved_quantity, code, message, details, client_order_id, source, actor_id,
            accepted_tick, seen_tick, wake, wake_price, market_at, created_at)
        VALUES ((o ->> 'id')::bigint, v_account, (o ->> 'listing_id')::bigint, o ->> 'symbol', o ->> 'side', o ->> 'type',
            o ->> 'time_in_force', (o ->> 'quantity')::numeric, (o ->> 'filled_quantity')::numeric,
            (o ->> 'limit_price')::numeric, (o ->> 'stop_price')::numeric, (o ->> 'trail_amount')::numeric,
            (o ->> 'trail_percent')::numeric, (o ->> 'extreme')::numeric, (o ->> 'triggered')::boolean,
            (o ->> 'expires_at')::timestamptz, (o ->> 'live_at')::timestamptz, (o ->> 'reduce_only')::boolean,
            o ->> 'order_class', o ->> 'role', (o ->> 'link_id')::bigint, (o ->> 'replaces_id')::bigint,
            (o ->> 'replaced_by_id')::bigint, (o ->> 'average_price')::numeric, (o ->> 'notional_minor')::bigint,
            (o ->> 'fees_minor')::bigint, o ->> 'status', (o ->> 'reserved_minor')::bigint,
            (o ->> 'reserved_quantity')::numeric, o ->> 'code', o ->> 'message', nullif(o -> 'details', 'null'),
            o ->> 'client_order_id', o ->> 'source', (o ->> 'actor_id')::bigint, (o ->> 'accepted_tick')::integer,
            (o ->> 'seen_tick')::integer, o ->> 'wake', (o ->> 'wake_price')::numeric, v_at, (o ->> 'created_at')::timestamptz);
    END LOOP;
    FOR u IN SELECT * FROM jsonb_array_elements(d -> 'updates') LOOP
        UPDATE trading_order SET status = u ->> 'status', quantity = (u ->> 'quantity')::numeric,
            filled_quantity = (u ->> 'filled_quantity')::numeric, limit_price = (u ->> 'limit_price')::numeric,
            stop_price = (u ->> 'stop_price')::numeric, trail_amount = (u ->> 'trail_amount')::numeric,
            extreme = (u ->> 'extreme')::numeric,
            triggered = (u ->> 'triggered')::boolean, live_at = (u ->> 'live_at')::timestamptz,
            link_id = (u ->> 'link_id')::bigint, replaced_by_id = (u ->> 'replaced_by_id')::bigint,
            average_price = (u ->> 'average_price')::numeric, notional_minor = (u ->> 'notional_minor')::bigint,
            fees_minor = (u ->> 'fees_minor')::bigint, reserved_minor = (u ->> 'reserved_minor')::bigint,
            reserved_quantity = (u ->> 'reserved_quantity')::numeric, code = u ->> 'code', message = u ->> 'message',
            accepted_tick = (u ->> 'accepted_tick')::integer, seen_tick = (u ->> 'seen_tick')::integer,
            wake = u ->> 'wake', wake_price = (u ->> 'wake_price')::numeric, updated_at = now()
        WHERE id = (u ->> 'id')::bigint AND account_id = v_account AND status = u ->> 'from_status';
        IF NOT FOUND THEN
            RAISE EXCEPTION 'order % is not %', u ->> 'id', u ->> 'from_status' USING ERRCODE = 'serialization_failure';
        END IF;
    END LOOP;
    INSERT INTO trading_ordertransition (order_id, from_status, to_status, reason, actor_id, market_at)
    SELECT (t ->> 0)::bigint, t ->> 1, t ->> 2, t ->> 3, (t ->> 4)::bigint, v_at
    FROM jsonb_array_elements(d -> 'steps') t;

    IF f IS NOT NULL THEN
        INSERT INTO trading_fill (id, order_id, account_id, listing_id, side, quantity, price, notional_minor, fee_minor,
            charges, fx, realized_minor, cash_after_minor, quote, market_at)
        VALUES ((f ->> 'id')::bigint, (f ->> 'order_id')::bigint, v_account, (f ->> 'listing_id')::bigint, f ->> 'side',
            (f ->> 'quantity')::numeric, (f ->> 'price')::numeric, (f ->> 'notional_minor')::bigint,
            (f ->> 'fee_minor')::bigint, f -> 'charges', (f ->> 'fx')::numeric, (f ->> 'realized_minor')::bigint,
            (f ->> 'cash_after_minor')::bigint, f -> 'quote', v_at);
        PERFORM trading_post(v_market, 'fill', 'fill:' || (f ->> 'id'), f ->> 'memo', d ->> 'currency', f -> 'legs', v_at);
    END IF;
    IF j IS NOT NULL THEN
        INSERT INTO trading_adjustment (account_id, listing_id, kind, reference, quantity_before, quantity_after,
            cost_before_minor, cost_after_minor, cash_minor, realized_minor, cash_after_minor, details, market_at)
        VALUES (v_account, (j ->> 'listing_id')::bigint, j ->> 'kind', j ->> 'reference',
            (j ->> 'quantity_before')::numeric, (j ->> 'quantity_after')::numeric, (j ->> 'cost_before_minor')::bigint,
            (j ->> 'cost_after_minor')::bigint, (j ->> 'cash_minor')::bigint, (j ->> 'realized_minor')::bigint,
            (a ->> 'cash_minor')::bigint, j -> 'details', v_at);
        IF jsonb_array_length(j -> 'legs') > 0 THEN
            PERFORM trading_post(v_market, j ->> 'kind', 'account:' || v_account || ':' || (j ->> 'reference'),
                j ->> 'memo', d ->> 'currency', j -> 'legs', v_at);
        END IF;
    END IF;
    IF p IS NOT NULL THEN
        INSERT INTO trading_position AS q
            (account_id, listing_id, quantity, reserved_quantity, cost_minor, realized_minor, drawn_tick, drawn_bought,
            drawn_sold, updated_at)
        VALUES (v_account, (p ->> 'listing_id')::bigint, (p ->> 'quantity')::numeric,
            (p ->> 'reserved_quantity')::numeric, (p ->> 'cost_minor')::bigint, (p ->> 'realized_minor')::bigint,
            (p ->> 'drawn_tick')::integer, (p ->> 'drawn_bought')::numeric, (p ->> 'drawn_sold')::numeric, now())
        ON CONFLICT (account_id, listing_id) DO UPDATE SET quantity = excluded.quantity,
            reserved_quantity = excluded.reserved_quantity, cost_minor = excluded.cost_minor,
            realized_minor = excluded.realized_minor, drawn_tick = excluded.drawn_tick,
            drawn_bought = excluded.drawn_bought, drawn_sold = excluded.drawn_sold, updated_at = excluded.updated_at;
    END IF;
    IF a IS NOT NULL THEN
        UPDATE trading_account SET cash_minor = (a ->> 'cash_minor')::bigint,
            reserved_minor = (a ->> 'reserved_minor')::bigint, realized_minor = (a ->> 'realized_minor')::bigint,
            fees_minor = (a ->> 'fees_minor')::bigint, other_minor = (a ->> 'other_minor')::bigint,
            fills_count = (a ->> 'fills_count')::integer, open_orders_count = (a ->> 'open_orders_count')::integer
        WHERE id = v_account AND (is_margin OR p IS NULL OR (p ->> 'quantity')::numeric >= 0);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'account % holds cash only and cannot be short', v_account USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    IF l IS NOT NULL THEN
        UPDATE trading_quoteuse SET taken = (l ->> 'taken')::numeric
        WHERE listing_id = (l ->> 'listing_id')::bigint AND tick = (l ->> 'tick')::integer AND side = l ->> 'side';
    END IF;
    INSERT INTO core_outboxevent (topic, aggregate, payload)
    SELECT e ->> 'topic', 'account:' || v_account, e -> 'payload' FROM jsonb_array_elements(d -> 'events') e;
    IF k IS NOT NULL THEN
        INSERT INTO core_idempotencyrecord (scope, key, body_hash, status, response)
        VALUES (k ->> 'scope', k ->> 'key', k ->> 'body_hash', (k ->> 'status')::smallint, k -> 'response');
    END IF;
END $$;
