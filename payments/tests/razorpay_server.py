"""Razorpay on this machine: the calls that the adapter makes, with state, idempotency keys and failures on demand."""

import base64
import hashlib
import hmac
import itertools
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

KEY, SECRET, HOOK, ACCOUNT = "rzp_test_x", "key-secret", "hook-secret", "2323230041626905"
NAMES = {"orders": "order", "payments": "pay", "refunds": "rfnd", "disputes": "disp", "settlements": "setl",
         "contacts": "cont", "fund_accounts": "fa", "payouts": "pout"}  # fmt: skip
ENTITIES = {"orders": "order", "payments": "payment", "refunds": "refund", "disputes": "dispute", "payouts": "payout",
            "settlements": "settlement", "contacts": "contact", "fund_accounts": "fund_account"}  # fmt: skip
MUST = {"refund": ("X-Refund-Idempotency", False), "payouts": ("X-Payout-Idempotency", True)}


def refusal(text, code="BAD_REQUEST_ERROR", status=400, **more):
    return status, {"error": {"code": code, "description": text, **more}}


FAILURES = {
    500: refusal("Oh.", "SERVER_ERROR", 500),
    502: (502, "<html>Bad gateway</html>"),
    429: refusal("Slowly.", status=429),
    400: refusal("No.", reason="input_validation_failed"),
}


def signed(body, secret=HOOK):
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def signed_return(order, payment, secret=SECRET):
    return signed(f"{order}|{payment}".encode(), secret)


def event(name, *, at=None, **entities):
    payload = {kind: {"entity": row} for kind, row in entities.items()}
    body = {"entity": "event", "account_id": "acc_1", "event": name, "contains": list(payload), "payload": payload,
            "created_at": int(time.time()) if at is None else at}  # fmt: skip
    return json.dumps(body).encode()


class RazorpayServer:
    """Rows by kind. `fail` names answers to give before acting, `after` the same once it has acted."""

    def __init__(self):
        self.rows, self.keys, self.asked, self.fail, self.after = {name: {} for name in NAMES}, {}, [], [], []
        self._numbers, self._lock = itertools.count(1), threading.RLock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                """Say nothing."""

            def handle_any(self):
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                address = urlsplit(self.path)
                asked = {**dict(parse_qsl(address.query)), **(json.loads(raw) if raw else {})}
                with outer._lock:
                    status, body = outer.answer(self.command, address.path, asked, self.headers)
                data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/html" if isinstance(body, str) else "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = handle_any  # noqa: N815

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    # ---- State, and what somebody does on Razorpay's pages

    def make(self, kind, **data):
        row = {"id": f"{NAMES[kind]}_{next(self._numbers)}", "entity": ENTITIES[kind], "created_at": int(time.time()),
               "notes": [], **data}  # fmt: skip
        self.rows[kind][row["id"]] = row
        return row

    def get(self, ident):
        return next((rows[ident] for rows in self.rows.values() if ident in rows), None)

    def attempt(self, order_id, status="captured"):
        """The customer tries to pay: captured, authorized or failed."""
        order = self.get(order_id)
        order |= {"status": "paid" if status == "captured" else "attempted", "attempts": order["attempts"] + 1}
        why = {"error_code": "BAD_REQUEST_ERROR", "error_description": "Declined."} if status == "failed" else {}
        return self.make(
            "payments", order_id=order_id, amount=order["amount"], currency="INR", status=status, method="upi",
            fee=order["amount"] // 50, tax=order["amount"] // 333, captured=status == "captured", **why,
        )  # fmt: skip

    def dispute(self, payment, **more):
        values = {"status": "open", "amount": payment["amount"], "amount_deducted": payment["amount"], **more}
        return self.make("disputes", payment_id=payment["id"], currency="INR", reason_code="chargeback", **values)

    # ---- Answers

    def answer(self, method, path, asked, headers):
        wanted = "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
        if headers.get("Authorization") != wanted:
            return refusal("Authentication failed", status=401)
        parts = path.removeprefix("/v1/").split("/")
        name, needed = MUST.get(parts[-1], ("", False)) if method == "POST" else ("", False)
        key = headers.get(name) if name else None
        self.asked.append((method, path, asked, key))
        if self.fail:
            return FAILURES[self.fail.pop(0)]
        if needed and not key:
            return refusal(f"{name} is required")
        if key is not None and not re.fullmatch(r"[A-Za-z0-9_-]{10,}", key):
            return refusal("The idempotency key is not valid")
        if key in self.keys:
            known, made = self.keys[key]
            if known != (path, asked):
                return refusal("Different request body with the same key")
        else:
            made = self.act(method, parts, asked)
            if key and made[0] == 200:
                self.keys[key] = ((path, asked), made)
        return FAILURES[self.after.pop(0)] if self.after else made

    def act(self, method, parts, asked):
        kind, ident, last = (*parts, "", "")[:3]
        if kind not in self.rows:
            return refusal("The requested URL was not found", status=404)
        if ident:
            row = self.rows[kind].get(ident)
            if row is None:
                return refusal("The id provided does not exist")
            return getattr(self, f"{method.lower()}_{last or 'one'}")(row, asked)
        if method == "GET":
            return self.listed(kind, asked)
        return getattr(self, f"make_{kind}")(asked)

    def listed(self, kind, asked):
        rows = sorted(self.rows[kind].values(), key=lambda row: row["created_at"], reverse=True)
        for name in ("receipt", "reference_id"):
            rows = [row for row in rows if name not in asked or row.get(name) == asked[name]]
        first, last = int(asked.get("from", 0)), int(asked.get("to", 10**12))
        rows = [row for row in rows if first <= row["created_at"] <= last]
        skip, count = int(asked.get("skip", 0)), int(asked.get("count", 10))
        if count > 100:
            return refusal("The count may not be greater than 100.")
        items = rows[skip : skip + count]
        return 200, {"entity": "collection", "count": len(items), "items": items}

    @staticmethod
    def get_one(row, asked):
        return 200, row

    def get_payments(self, row, asked):
        items = [one for one in self.rows["payments"].values() if one["order_id"] == row["id"]]
        return 200, {"entity": "collection", "count": len(items), "items": items}

    def get_refunds(self, row, asked):
        items = [one for one in self.rows["refunds"].values() if one["payment_id"] == row["id"]]
        return 200, {"entity": "collection", "count": len(items), "items": items}

    def make_orders(self, asked):
        if asked["currency"] == "INR" and asked["amount"] < 100:
            return refusal("Order amount less than minimum amount allowed", field="amount")
        made = {"status": "created", "amount_paid": 0, "amount_due": asked["amount"], "attempts": 0}
        return 200, self.make("orders", **made, **asked)

    def post_capture(self, row, asked):
        if row["status"] != "authorized":
            return refusal("This payment has already been captured")
        if asked["amount"] != row["amount"]:
            return refusal("Capture amount must be equal to the amount authorized")
        row |= {"status": "captured", "captured": True}
        self.get(row["order_id"])["status"] = "paid"
        return 200, row

    def post_refund(self, row, asked):
        given = sum(one["amount"] for one in self.rows["refunds"].values()
                    if one["payment_id"] == row["id"] and one["status"] != "failed")  # fmt: skip
        amount = asked.get("amount", row["amount"])
        if amount > row["amount"] - given:
            return refusal("The total refund amount is greater than the refund payment amount")
        made = self.make("refunds", payment_id=row["id"], currency="INR", status="processed", **{**asked,
                         "amount": amount})  # fmt: skip
        if given + amount == row["amount"]:
            row["status"] = "refunded"
        return 200, made

    def make_contacts(self, asked):
        return 200, self.make("contacts", active=True, **asked)

    def make_fund_accounts(self, asked):
        return 200, self.make("fund_accounts", active=True, **asked)

    def make_payouts(self, asked):
        if asked["account_number"] != ACCOUNT:
            return refusal("The account number is invalid")
        return 200, self.make("payouts", status="processing", fees=590, tax=90, utr=None, **asked)
