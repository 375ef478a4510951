"""Stripe on this machine: the calls that the adapter makes, with state, idempotency keys and failures on demand."""

import hashlib
import hmac
import itertools
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

MONTH = 30 * 86_400
SECRET = "whsec_test"
_FAILURES = {
    500: {"error": {"type": "api_error", "message": "Oh."}},
    429: {"error": {"type": "invalid_request_error", "code": "rate_limit", "message": "Slowly."}},
    402: {"error": {"type": "card_error", "code": "card_declined", "decline_code": "generic", "message": "Declined."}},
}  # fmt: skip


def unflat(pairs):
    """`a[b][0][c]=1` as nested dicts; lists stay dicts with numbers as keys."""
    found = {}
    for name, value in pairs:
        keys = [key for key in re.split(r"[\[\]]+", name) if key]
        place = found
        for key in keys[:-1]:
            place = place.setdefault(key, {})
        place[keys[-1]] = value
    return found


def listed(rows, url="/v1/x"):
    return {"object": "list", "data": rows, "has_more": False, "url": url}


def signed(body, at=None, secret=SECRET):
    """The Stripe-Signature of a body."""
    at = int(time.time()) if at is None else at
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class StripeServer:
    """State by kind and id. `fail` names answers to give before acting, `after` the same once it has acted."""

    def __init__(self):
        self.rows, self.keys, self.asked, self.fail, self.after = {}, {}, [], [], []
        self._numbers, self._lock = itertools.count(1), threading.RLock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                """Say nothing."""

            def handle_any(self):
                length = int(self.headers.get("Content-Length") or 0)
                form = unflat(parse_qsl(self.rfile.read(length).decode(), keep_blank_values=True))
                address = urlsplit(self.path)
                query = unflat(parse_qsl(address.query))
                with outer._lock:
                    status, body = outer.answer(self.command, address.path, {**query, **form}, self.headers)
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = handle_any  # noqa: N815

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    # ---- State

    def make(self, kind, prefix, **data):
        ident = f"{prefix}_{next(self._numbers)}"
        row = {"id": ident, "object": kind, "created": int(time.time()), "metadata": {}, **data}
        self.rows.setdefault(kind, {})[ident] = row
        return row

    def all(self, kind, **fits):
        rows = self.rows.get(kind, {}).values()
        return [row for row in reversed(list(rows)) if all(row.get(name) == value for name, value in fits.items())]

    def get(self, ident):
        for rows in self.rows.values():
            if ident in rows:
                return rows[ident]
        return None

    def moved(self, kind, amount, fee, currency, source):
        self.make("balance_transaction", "txn", type=kind, amount=amount, fee=fee, net=amount - fee, currency=currency,
                  source=source, description="")  # fmt: skip

    # ---- What somebody does on Stripe's pages

    def pay(self, session_id):
        """The customer pays; of a subscription its first bill."""
        session = self.get(session_id)
        session |= {
            "status": "complete",
            "url": None,
            "customer": session["customer"] or self.make("customer", "cus")["id"],
        }
        if session["mode"] == "payment":
            intent = self.intent(
                session["amount_total"], session["currency"], session["pi_metadata"], session["customer"]
            )
            session["payment_intent"] = intent["id"]
            return intent
        price = self.get(session["price"])
        now = int(time.time())
        made = self.make(
            "subscription", "sub", status="active", customer=session["customer"], metadata=session["sub_metadata"],
            cancel_at_period_end=False, ended_at=None,
        )  # fmt: skip
        item = {"id": f"si_{made['id']}", "object": "subscription_item", "price": price,
                "current_period_start": now, "current_period_end": now + MONTH}  # fmt: skip
        made["items"] = listed([item])
        session["subscription"] = made["id"]
        return self.bill(made, session["amount_total"], "subscription_create")

    def intent(self, amount, currency, metadata, customer, status="succeeded"):
        made = self.make(
            "payment_intent", "pi", amount=amount, amount_received=amount if status == "succeeded" else 0,
            currency=currency, status=status, metadata=metadata, customer=customer, last_payment_error=None,
        )  # fmt: skip
        if status == "succeeded":
            source = {"id": f"ch_{made['id']}", "object": "charge", "payment_intent": made["id"]}
            self.moved("charge", amount, 59, currency, source)
            card = {"type": "card", "card": {"fingerprint": "fp_one", "last4": "4242"}}
            made["latest_charge"] = {**source, "payment_method_details": card}
        return made

    def bill(self, subscription, amount, reason):
        item = subscription["items"]["data"][0]
        intent = self.intent(amount, item["price"]["currency"], {}, subscription["customer"]) if amount else None
        line = {"id": "il_1", "object": "line_item", "amount": amount,
                "period": {"start": item["current_period_start"], "end": item["current_period_end"]},
                "pricing": {"price_details": {"price": item["price"]["id"], "product": "prod_1"}}}  # fmt: skip
        paid = [{"payment": {"type": "payment_intent", "payment_intent": intent["id"]}}] if intent else []
        made = self.make(
            "invoice", "in", status="paid", amount_due=amount, amount_paid=amount, currency=item["price"]["currency"],
            billing_reason=reason, attempt_count=1, next_payment_attempt=None, hosted_invoice_url="https://x",
            lines=listed([line]), payments=listed(paid),
            parent={"subscription_details": {"subscription": subscription["id"]}},
        )  # fmt: skip
        if intent:
            self.make("invoice_payment", "inpay", invoice=made["id"], payment_intent=intent["id"])
        return made

    def renew(self, subscription_id):
        """A period is over."""
        made = self.get(subscription_id)
        item = made["items"]["data"][0]
        item["current_period_start"], item["current_period_end"] = (
            item["current_period_end"], item["current_period_end"] + MONTH,
        )  # fmt: skip
        return self.bill(made, item["price"]["unit_amount"], "subscription_cycle")

    # ---- HTTP

    def answer(self, method, path, form, headers):
        key = headers.get("Idempotency-Key") if method == "POST" else None
        self.asked.append((method, path, form, key))
        if self.fail:
            status = self.fail.pop(0)
            return status, _FAILURES[status]
        told = json.dumps([path, form], sort_keys=True)
        if key in self.keys:
            known, answer = self.keys[key]
            if known != told:
                return 400, {"error": {"type": "idempotency_error", "message": "Other parameters."}}
        else:
            answer = self.act(method, path.removeprefix("/v1/").split("/"), form)
            if key and answer[0] == 200:
                self.keys[key] = (told, answer)
        if self.after:
            status = self.after.pop(0)
            return status, _FAILURES[status]
        return answer

    def act(self, method, parts, form):
        ident = next((part for part in parts if re.fullmatch(r"[a-z]+_\d+", part)), "")
        if not ident:
            return 200, getattr(self, f"{method.lower()}_{'_'.join(parts)}")(form)
        row = self.get(ident)
        if row is None:
            return 404, {"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "Nothing."}}
        last = parts[-1] if parts[-1] != ident else ""
        if method == "POST" and last == "expire":
            if row["status"] != "open":
                return 400, {"error": {"type": "invalid_request_error", "message": "It is not open."}}
            row |= {"status": "expired", "url": None}
        elif method == "DELETE":
            row |= {"status": "canceled", "ended_at": int(time.time())}
        elif method == "POST" and row["object"] == "subscription":
            self.update(row, form)
        return 200, row

    def update(self, row, form):
        if "cancel_at_period_end" in form:
            row["cancel_at_period_end"] = form["cancel_at_period_end"] == "true"
        if "items" in form:
            item = row["items"]["data"][0]
            before = item["price"]["unit_amount"]
            item["price"] = self.get(form["items"]["0"]["price"])
            if form["proration_behavior"] == "always_invoice":
                self.bill(row, max(0, item["price"]["unit_amount"] - before), "subscription_update")

    def post_checkout_sessions(self, form):
        line = form["line_items"]["0"]
        amount = (
            int(line["price_data"]["unit_amount"]) if "price_data" in line else self.get(line["price"])["unit_amount"]
        )
        if "discounts" in form:
            amount -= self.get(form["discounts"]["0"]["coupon"])["amount_off"]
        currency = line["price_data"]["currency"] if "price_data" in line else self.get(line["price"])["currency"]
        made = self.make(
            "checkout.session", "cs", mode=form["mode"], status="open", payment_status="unpaid", currency=currency,
            client_reference_id=form["client_reference_id"], metadata=form["metadata"], customer=form.get("customer"),
            payment_intent=None, subscription=None, amount_total=amount, expires_at=int(form["expires_at"]),
            pi_metadata=form.get("payment_intent_data", {}).get("metadata", {}), price=line.get("price"),
            sub_metadata=form.get("subscription_data", {}).get("metadata", {}),
        )  # fmt: skip
        made["url"] = f"https://checkout.stripe.com/c/{made['id']}"
        return made

    def get_prices(self, form):
        return listed(self.all("price", lookup_key=form["lookup_keys"]["0"]))

    def post_prices(self, form):
        return self.make(
            "price", "price", unit_amount=int(form["unit_amount"]), currency=form["currency"],
            lookup_key=form["lookup_key"], metadata=form["metadata"], recurring=form["recurring"],
        )  # fmt: skip

    def post_coupons(self, form):
        return self.make("coupon", "coupon", amount_off=int(form["amount_off"]), duration=form["duration"])

    def get_refunds(self, form):
        return listed(self.all("refund", payment_intent=form["payment_intent"]))

    def post_refunds(self, form):
        intent = self.get(form["payment_intent"])
        made = self.make(
            "refund", "re", amount=int(form["amount"]), currency=intent["currency"], payment_intent=intent["id"],
            status="succeeded", metadata=form.get("metadata", {}), failure_reason=None,
        )  # fmt: skip
        self.moved("refund", -made["amount"], 0, made["currency"], made)
        return made

    def get_disputes(self, form):
        return listed(self.all("dispute", payment_intent=form["payment_intent"]))

    def dispute(self, intent_id):
        """The customer contests a charge."""
        intent = self.get(intent_id)
        made = self.make(
            "dispute", "dp", amount=intent["amount"], currency=intent["currency"], payment_intent=intent_id,
            status="needs_response", reason="fraudulent", evidence_details={"due_by": int(time.time()) + 604_800},
            balance_transactions=[{"amount": -intent["amount"]}],
        )  # fmt: skip
        self.moved("adjustment", -intent["amount"], 1_500, intent["currency"], dict(made))
        return made

    def get_invoice_payments(self, form):
        return listed(self.all("invoice_payment", payment_intent=form["payment"]["payment_intent"]))

    def get_invoices(self, form):
        rows = self.all("invoice")
        return listed(
            [row for row in rows if row["parent"]["subscription_details"]["subscription"] == form["subscription"]]
        )

    def post_billing_portal_sessions(self, form):
        return self.make(
            "billing_portal.session", "bps", url="https://billing.stripe.com/p/x", customer=form["customer"]
        )

    def post_accounts(self, form):
        return self.make(
            "account", "acct", country=form["country"], default_currency=form["default_currency"],
            payouts_enabled=False,
            details_submitted=False, capabilities={"transfers": "inactive"}, metadata=form["metadata"],
            requirements={"currently_due": ["external_account"]}, external_accounts=listed([]),
        )  # fmt: skip

    def post_account_links(self, form):
        return {"object": "account_link", "url": f"https://connect.stripe.com/setup/{form['account']}", "expires_at": 1}

    def post_transfers(self, form):
        made = self.make(
            "transfer", "tr", amount=int(form["amount"]), currency=form["currency"], destination=form["destination"],
            transfer_group=form["transfer_group"], metadata=form.get("metadata", {}), reversed=False,
        )  # fmt: skip
        self.moved("transfer", -made["amount"], 0, made["currency"], made)
        return made

    def get_transfers(self, form):
        return listed(self.all("transfer", transfer_group=form["transfer_group"]))

    def get_balance_transactions(self, form):
        since, until = int(form["created"]["gte"]), int(form["created"]["lt"])
        return listed([row for row in self.all("balance_transaction") if since <= row["created"] < until])
