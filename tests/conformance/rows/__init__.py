"""The table: each operation with a call that succeeds and one that is refused for a reason of its own."""

from . import accounts, money, payments, risk
from .row import Row

ROWS: list[Row] = accounts.ROWS + payments.ROWS + money.ROWS + risk.ROWS
