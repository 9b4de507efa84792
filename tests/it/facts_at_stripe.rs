//! Facts that happen: the sandbox moves the money, its balance transactions are imported, our postings are made of
//! what its objects say, and both halves must meet: every key zero, every balance equal to Stripe's.

mod currencies;
mod disputes;
mod refunds;
mod sales;
