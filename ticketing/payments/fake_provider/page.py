"""The hosted payment page."""

from __future__ import annotations

from decimal import Decimal
from html import escape

from babel.numbers import format_currency, get_currency_precision

from ticketing.payments.fake_provider.ledger import Session

STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#f4f5f7;--card:#fff;--line:#d9dde3;--go:#1a6b3c;--muted:#59636e}
@media (prefers-color-scheme:dark){:root{--ink:#eceff2;--paper:#14171a;--card:#1e2226;--line:#3a4047;--go:#2f8f57;--muted:#a2abb5}}
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}main{width:min(26rem,92vw);padding:2rem;background:var(--card);border:1px solid var(--line);
border-radius:14px}h1{margin:0;font-size:1rem;color:var(--muted);font-weight:600}
p.amount{margin:.3rem 0 1.2rem;font-size:2.4rem;font-weight:700}
dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem;margin:0 0 1.5rem}dt{color:var(--muted)}dd{margin:0;text-align:right}
button{width:100%;padding:.9rem;border-radius:10px;border:1px solid var(--line);
font:inherit;font-weight:600;cursor:pointer;background:none;color:inherit}
button.pay{background:var(--go);border-color:var(--go);color:#fff;margin-bottom:.6rem}small{display:block;margin-top:1.2rem;color:var(--muted)}
"""


def render(session: Session) -> bytes:
    """The page of one session: amount, order, two buttons."""
    amount = format_currency(
        Decimal(session.amount_minor).scaleb(-get_currency_precision(session.currency)), session.currency, locale="en_GB"
    )
    if session.state == "open":
        body = (
            '<form method="post"><button class="pay" name="action" value="pay">Pay now</button>'
            '<button name="action" value="decline">Decline</button></form>'
        )
    else:
        body = f'<p>This payment is {escape(session.state)}.</p><p><a href="{escape(session.return_url)}">Back to your order</a></p>'
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>Pay {escape(amount)}</title><style>{STYLE}</style></head><body><main><h1>Demo payments</h1>'
        f'<p class="amount">{escape(amount)}</p><dl><dt>Order</dt><dd>{escape(session.order_code)}</dd><dt>To</dt>'
        f"<dd>{escape(session.account)}</dd></dl>{body}<small>A fake provider: no money moves.</small></main></body></html>"
    ).encode()
