"""The API of the marketdata app: prices, history, instruments, watchlists, TradingView's datafeed."""
