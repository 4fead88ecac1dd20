"""Example strategies: plain NautilusTrader, they run unchanged on a bare engine."""

from alphapulse_lib.engine.strategies.mean_reversion import MeanReversion, MeanReversionConfig
from alphapulse_lib.engine.strategies.news_sentiment import NewsSentiment, NewsSentimentConfig
from alphapulse_lib.engine.strategies.sma_cross import SmaCross, SmaCrossConfig

__all__ = [
    "MeanReversion",
    "MeanReversionConfig",
    "NewsSentiment",
    "NewsSentimentConfig",
    "SmaCross",
    "SmaCrossConfig",
]
