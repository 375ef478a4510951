-- The order path's two statements. Both run inside the caller's transaction.

CREATE SEQUENCE IF NOT EXISTS trading_order_id;
CREATE SEQUENCE IF NOT EXISTS trading_fill_id;

-- Lock one account and load everything that a decision about it needs, each part read after the lock is held.
-- Returns NULL when there is no such account.
-- p_order_id: an existing order of the account to act on (match, cancel, expire), or NULL for a new order.
CREATE OR REPLACE FUNCTION trading_snapshot(
    p_account_id bigint, p_listing_id bigint, p_order_id bigint, p_scope text, p_key text, p_day_start timestamptz
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    a trading_account%ROWTYPE;
    o trading_order%ROWTYPE;
    p trading_position%ROWTYPE;
    i core_idempotencyrecord%ROWTYPE;
    v_listing_id bigint := p_listing_id;
    v_owner jsonb;
    v_group jsonb;
    v_market jsonb;
    v_trades integer;
    v_equity bigint;
BEGIN
    SELECT * INTO a FROM trading_account WHERE id = p_account_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF p_order_id IS NOT NULL THEN
        SELECT * INTO o FROM trading_order WHERE id = p_order_id AND account_id = p_account_id FOR NO KEY UPDATE;
        v_listing_id := o.listing_id;
    END IF;
    IF v_listing_id IS NOT NULL THEN
        SELECT * INTO p FROM trading_position WHERE account_id = p_account_id AND listing_id = v_listing_id;
    END IF;
    IF p_key IS NOT NULL THEN
        SELECT * INTO i FROM core_idempotencyrecord WHERE scope = p_scope AND key = p_key;
    END IF;
    SELECT jsonb_build_object('status', u.status, 'is_active', u.is_active) INTO v_owner
        FROM accounts_user u WHERE u.id = a.owner_id;
    SELECT jsonb_build_object('status', m.status, 'tick', m.tick, 'at', m.tick_at) INTO v_market
        FROM marketdata_market m WHERE m.id = a.market_id;
    IF a.group_id IS NOT NULL THEN
        SELECT jsonb_build_object('status', g.status, 'policy', g.policy) INTO v_group
            FROM trading_accountgroup g WHERE g.id = a.group_id;
        IF p_day_start IS NOT NULL AND v_group -> 'policy' ? 'max_trades_per_day' THEN
            SELECT count(*) INTO v_trades FROM trading_fill f WHERE f.account_id = a.id AND f.market_at >= p_day_start;
        END IF;
        IF v_group -> 'policy' ? 'max_position_pct' THEN
            SELECT equity_minor INTO v_equity FROM trading_accountmark k WHERE k.account_id = a.id;
        END IF;
    END IF;
    RETURN jsonb_build_object(
        'account', jsonb_build_object(
            'id', a.id, 'owner_id', a.owner_id, 'market_id', a.market_id, 'group_id', a.group_id,
            'purpose', a.purpose, 'currency', a.currency, 'status', a.status, 'cash_minor', a.cash_minor,
            'reserved_minor', a.reserved_minor, 'realized_minor', a.realized_minor, 'fees_minor', a.fees_minor,
            'fills_count', a.fills_count, 'open_orders_count', a.open_orders_count,
            'ledger_account_id', a.ledger_account_id, 'clearing_account_id', a.clearing_account_id,
            'fees_account_id', a.fees_account_id),
        'owner', v_owner,
        'group', v_group,
        'market', v_market,
        'position', CASE WHEN p.id IS NULL THEN NULL ELSE jsonb_build_object(
            'quantity', p.quantity::text, 'reserved_quantity', p.reserved_quantity::text,
            'cost_minor', p.cost_minor, 'realized_minor', p.realized_minor) END,
        'order', CASE WHEN o.id IS NULL THEN NULL ELSE jsonb_build_object(
            'id', o.id, 'listing_id', o.listing_id, 'symbol', o.symbol, 'side', o.side, 'type', o.type,
            'time_in_force', o.time_in_force, 'quantity', o.quantity::text, 'filled_quantity', o.filled_quantity::text,
            'limit_price', o.limit_price::text, 'average_price', o.average_price::text, 'status', o.status,
            'reserved_minor', o.reserved_minor, 'reserved_quantity', o.reserved_quantity::text, 'source', o.source,
            'client_order_id', o.client_order_id, 'accepted_tick', o.accepted_tick, 'actor_id', o.actor_id,
            'market_at', o.market_at, 'created_at', o.created_at) END,
        'replay', CASE WHEN i.id IS NULL THEN NULL ELSE jsonb_build_object(
            'body_hash', i.body_hash, 'status', i.status, 'response', i.response) END,
        'trades_today', v_trades,
        'equity_minor', v_equity,
        'order_id', CASE WHEN p_order_id IS NULL THEN nextval('trading_order_id') END,
        'fill_id', nextval('trading_fill_id'),
        'now', clock_timestamp());
END $$;

-- Apply a whole decision about one locked account: order, transitions, fill, journal, position, cash, events,
-- idempotency record. The account row must be locked by trading_snapshot in this transaction.
CREATE OR REPLACE FUNCTION trading_apply(d jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_account bigint := (d ->> 'account_id')::bigint;
    v_at timestamptz := (d ->> 'market_at')::timestamptz;
    o jsonb := d -> 'order';
    u jsonb := d -> 'update';
    f jsonb := d -> 'fill';
    p jsonb := d -> 'position';
    a jsonb := d -> 'account';
    k jsonb := d -> 'idempotency';
    v_order bigint;
    v_journal bigint;
BEGIN
    IF o IS NOT NULL THEN
        v_order := (o ->> 'id')::bigint;
        INSERT INTO trading_order (id, account_id, listing_id, symbol, side, type, time_in_force, quantity,
            filled_quantity, limit_price, average_price, status, reserved_minor, reserved_quantity, code, message, details,
            client_order_id, source, actor_id, accepted_tick, market_at)
        VALUES (v_order, v_account, (o ->> 'listing_id')::bigint, o ->> 'symbol', o ->> 'side', o ->> 'type',
            o ->> 'time_in_force', (o ->> 'quantity')::numeric, (o ->> 'filled_quantity')::numeric,
            (o ->> 'limit_price')::numeric, (o ->> 'average_price')::numeric, o ->> 'status',
            (o ->> 'reserved_minor')::bigint, (o ->> 'reserved_quantity')::numeric, o ->> 'code', o ->> 'message',
            o -> 'details', o ->> 'client_order_id', o ->> 'source', (o ->> 'actor_id')::bigint,
            (o ->> 'accepted_tick')::integer, v_at);
    ELSIF u IS NOT NULL THEN
        v_order := (u ->> 'id')::bigint;
        UPDATE trading_order SET status = u ->> 'status', filled_quantity = (u ->> 'filled_quantity')::numeric,
            average_price = (u ->> 'average_price')::numeric, reserved_minor = (u ->> 'reserved_minor')::bigint,
            reserved_quantity = (u ->> 'reserved_quantity')::numeric, code = u ->> 'code', message = u ->> 'message',
            updated_at = now()
        WHERE id = v_order AND account_id = v_account AND status = u ->> 'from_status';
        IF NOT FOUND THEN
            RAISE EXCEPTION 'order % is not %', v_order, u ->> 'from_status' USING ERRCODE = 'serialization_failure';
        END IF;
    END IF;

    INSERT INTO trading_ordertransition (order_id, from_status, to_status, reason, actor_id, market_at)
    SELECT v_order, t ->> 0, t ->> 1, t ->> 2, (t ->> 3)::bigint, v_at
    FROM jsonb_array_elements(d -> 'transitions') t;

    IF f IS NOT NULL THEN
        INSERT INTO trading_fill (id, order_id, account_id, listing_id, side, quantity, price, notional_minor, fee_minor,
            realized_minor, cash_after_minor, quote, market_at)
        VALUES ((f ->> 'id')::bigint, v_order, v_account, (f ->> 'listing_id')::bigint, f ->> 'side',
            (f ->> 'quantity')::numeric, (f ->> 'price')::numeric, (f ->> 'notional_minor')::bigint,
            (f ->> 'fee_minor')::bigint, (f ->> 'realized_minor')::bigint, (a ->> 'cash_minor')::bigint,
            f -> 'quote', v_at);
        INSERT INTO core_journal (book, kind, reference, memo, market_at)
        VALUES ('virtual', 'fill', 'fill:' || (f ->> 'id'), f ->> 'memo', v_at) RETURNING id INTO v_journal;
        INSERT INTO core_posting (journal_id, account_id, amount_minor, currency)
        SELECT v_journal, (l ->> 0)::bigint, (l ->> 1)::bigint, d ->> 'currency'
        FROM jsonb_array_elements(f -> 'legs') l;
    END IF;

    IF p IS NOT NULL THEN
        INSERT INTO trading_position AS q
            (account_id, listing_id, quantity, reserved_quantity, cost_minor, realized_minor, updated_at)
        VALUES (v_account, (p ->> 'listing_id')::bigint, (p ->> 'quantity')::numeric,
            (p ->> 'reserved_quantity')::numeric, (p ->> 'cost_minor')::bigint, (p ->> 'realized_minor')::bigint, now())
        ON CONFLICT (account_id, listing_id) DO UPDATE SET quantity = excluded.quantity,
            reserved_quantity = excluded.reserved_quantity, cost_minor = excluded.cost_minor,
            realized_minor = excluded.realized_minor, updated_at = excluded.updated_at;
    END IF;

    IF a IS NOT NULL THEN
        UPDATE trading_account SET cash_minor = (a ->> 'cash_minor')::bigint,
            reserved_minor = (a ->> 'reserved_minor')::bigint, realized_minor = (a ->> 'realized_minor')::bigint,
            fees_minor = (a ->> 'fees_minor')::bigint, fills_count = (a ->> 'fills_count')::integer,
            open_orders_count = (a ->> 'open_orders_count')::integer
        WHERE id = v_account;
    END IF;

    IF d ? 'event' THEN
        INSERT INTO core_outboxevent (topic, aggregate, payload)
        VALUES (d #>> '{event,topic}', 'account:' || v_account, d #> '{event,payload}');
    END IF;

    IF k IS NOT NULL THEN
        INSERT INTO core_idempotencyrecord (scope, key, body_hash, status, response)
        VALUES (k ->> 'scope', k ->> 'key', k ->> 'body_hash', (k ->> 'status')::smallint, k -> 'response');
    END IF;
END $$;
