//! The books to be read: accounts with their balances, transactions with their entries, statements of an account.
//! Everything is by when the facts occurred, business time, whenever they were written down.

mod api;
mod asked;
mod statement;
mod store;

pub use api::BooksApi;
pub(super) use asked::{Asked, before};
pub use statement::{Line, Statement, StatementError, statement};
