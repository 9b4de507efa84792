"""Objects in states that no single call reaches, and the events on the way there."""

from . import accounts, money, payments, risk
from .flow import FLOWS

__all__ = ["FLOWS", "accounts", "money", "payments", "risk"]
