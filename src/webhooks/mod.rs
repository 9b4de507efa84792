//! The inbox: every event of Stripe's is a row before it is acknowledged.

pub mod verify;
