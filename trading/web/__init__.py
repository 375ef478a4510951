"""Pages of trading: accounts, the ticket, orders, analytics and statements, risk."""
