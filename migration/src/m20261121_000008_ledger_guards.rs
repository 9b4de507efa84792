//! The books guard themselves: a transaction that is unbalanced, empty, told twice or written in two goes is
//! refused by the database, and nothing of accounts, transactions and entries is ever changed. With them come
//! the link of a reversal to what it reverses, and the sums that make a balance cheap.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(
                Table::alter().table("ledger_transactions").add_column(uuid_null("reverses")).to_owned(),
            )
            .await?;
        for (name, columns, unique) in [
            ("ux_ledger_transactions_reverses", ["reverses"], true),
            ("ix_ledger_transactions_occurred", ["occurred_at"], false),
        ] {
            let mut index = Index::create();
            index.name(name).table("ledger_transactions");
            for column in columns {
                index.col(column);
            }
            if unique {
                index.unique();
            }
            manager.create_index(index).await?;
        }
        for table in [ledger_unsummed(), ledger_balances(), ledger_days()] {
            manager.create_table(table).await?;
        }
        let db = manager.get_connection();
        for statement in guards(manager.get_database_backend()) {
            db.execute_unprepared(statement).await?;
        }
        db.execute_unprepared("INSERT INTO ledger_unsummed SELECT id FROM ledger_transactions").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for statement in unguarded(manager.get_database_backend()) {
            db.execute_unprepared(statement).await?;
        }
        for table in ["ledger_days", "ledger_balances", "ledger_unsummed"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        for index in ["ix_ledger_transactions_occurred", "ux_ledger_transactions_reverses"] {
            manager.drop_index(Index::drop().name(index).table("ledger_transactions").to_owned()).await?;
        }
        manager
            .alter_table(Table::alter().table("ledger_transactions").drop_column("reverses").to_owned())
            .await
    }
}

/// Transactions that are in the books and not yet in the sums.
fn ledger_unsummed() -> TableCreateStatement {
    Table::create().table("ledger_unsummed").col(uuid("transaction_id").primary_key()).to_owned()
}

/// What was summed of each account.
fn ledger_balances() -> TableCreateStatement {
    Table::create()
        .table("ledger_balances")
        .col(uuid("account_id").primary_key())
        .col(big_integer("debit"))
        .col(big_integer("credit"))
        .to_owned()
}

/// The same by the day on which the facts occurred: days since 1 January 1970, UTC.
fn ledger_days() -> TableCreateStatement {
    Table::create()
        .table("ledger_days")
        .col(uuid("account_id"))
        .col(integer("day"))
        .col(big_integer("debit"))
        .col(big_integer("credit"))
        .primary_key(Index::create().col("account_id").col("day"))
        .to_owned()
}

fn guards(backend: DbBackend) -> &'static [&'static str] {
    if backend == DbBackend::Postgres { &POSTGRES } else { &SQLITE }
}

fn unguarded(backend: DbBackend) -> &'static [&'static str] {
    if backend == DbBackend::Postgres { &POSTGRES_DOWN } else { &SQLITE_DOWN }
}

/// All legs of a transaction come in one statement; a trigger looks at them together. It takes the place of the
/// foreign keys, which would lock the row of each account that a payment posts to.
const POSTGRES: [&str; 11] = [
    "ALTER TABLE ledger_entries DROP CONSTRAINT fk_entries_transaction, DROP CONSTRAINT fk_entries_account",
    "CREATE FUNCTION close_ledger_transactions() RETURNS trigger LANGUAGE plpgsql AS $$
     DECLARE wrong uuid;
     BEGIN
         SELECT n.transaction_id INTO wrong FROM added n
             LEFT JOIN ledger_transactions t ON t.id = n.transaction_id
             LEFT JOIN ledger_accounts a ON a.id = n.account_id AND a.book = t.book
             GROUP BY n.transaction_id, a.currency
             HAVING SUM(n.amount) <> 0 OR COUNT(a.id) < COUNT(*) LIMIT 1;
         IF FOUND THEN
             RAISE EXCEPTION 'ledger transaction % is unbalanced, or not of one book', wrong
                 USING ERRCODE = 'check_violation';
         END IF;
         SELECT n.transaction_id INTO wrong FROM (SELECT transaction_id, COUNT(*) AS legs FROM added GROUP BY 1) n
             WHERE n.legs < (SELECT COUNT(*) FROM ledger_entries e WHERE e.transaction_id = n.transaction_id) LIMIT 1;
         IF FOUND THEN
             RAISE EXCEPTION 'ledger transaction % is closed', wrong USING ERRCODE = 'check_violation';
         END IF;
         INSERT INTO ledger_unsummed SELECT DISTINCT transaction_id FROM added;
         RETURN NULL;
     END $$",
    "CREATE TRIGGER ledger_entries_close AFTER INSERT ON ledger_entries REFERENCING NEW TABLE AS added \
     FOR EACH STATEMENT EXECUTE FUNCTION close_ledger_transactions()",
    "CREATE FUNCTION refuse_empty_ledger_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
         IF NOT EXISTS (SELECT 1 FROM ledger_entries WHERE transaction_id = NEW.id) THEN
             RAISE EXCEPTION 'ledger transaction % has no entries', NEW.id USING ERRCODE = 'check_violation';
         END IF;
         RETURN NULL;
     END $$",
    "CREATE CONSTRAINT TRIGGER ledger_transactions_not_empty AFTER INSERT ON ledger_transactions \
     DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_empty_ledger_transaction()",
    "CREATE TRIGGER ledger_accounts_no_update BEFORE UPDATE ON ledger_accounts \
     FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER ledger_accounts_no_delete BEFORE DELETE ON ledger_accounts \
     FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER ledger_accounts_no_truncate BEFORE TRUNCATE ON ledger_accounts \
     FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER ledger_transactions_no_truncate BEFORE TRUNCATE ON ledger_transactions \
     FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER ledger_entries_no_truncate BEFORE TRUNCATE ON ledger_entries \
     FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    // The sums are small and rewritten all the time: their dead rows must go soon.
    "ALTER TABLE ledger_unsummed SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000)",
];

const POSTGRES_DOWN: [&str; 10] = [
    "DROP TRIGGER ledger_entries_no_truncate ON ledger_entries",
    "DROP TRIGGER ledger_transactions_no_truncate ON ledger_transactions",
    "DROP TRIGGER ledger_accounts_no_truncate ON ledger_accounts",
    "DROP TRIGGER ledger_accounts_no_delete ON ledger_accounts",
    "DROP TRIGGER ledger_accounts_no_update ON ledger_accounts",
    "DROP TRIGGER ledger_transactions_not_empty ON ledger_transactions",
    "DROP TRIGGER ledger_entries_close ON ledger_entries",
    "DROP FUNCTION close_ledger_transactions()",
    "DROP FUNCTION refuse_empty_ledger_transaction()",
    "ALTER TABLE ledger_entries \
     ADD CONSTRAINT fk_entries_transaction FOREIGN KEY (transaction_id) REFERENCES ledger_transactions (id), \
     ADD CONSTRAINT fk_entries_account FOREIGN KEY (account_id) REFERENCES ledger_accounts (id)",
];

/// SQLite looks at one row at a time and at foreign keys alone when a transaction commits. So the legs come
/// first, their foreign key waits for the commit, and the transaction's own row closes them: it is refused
/// unless they balance, and they without it.
const SQLITE: [&str; 13] = [
    "CREATE TABLE ledger_entries_guarded (
         transaction_id uuid_text NOT NULL REFERENCES ledger_transactions (id) DEFERRABLE INITIALLY DEFERRED,
         position integer NOT NULL,
         account_id uuid_text NOT NULL REFERENCES ledger_accounts (id),
         key text NOT NULL,
         amount bigint NOT NULL CHECK (amount <> 0),
         PRIMARY KEY (transaction_id, position)
     )",
    "INSERT INTO ledger_entries_guarded SELECT transaction_id, position, account_id, key, amount FROM ledger_entries",
    "DROP TABLE ledger_entries",
    "ALTER TABLE ledger_entries_guarded RENAME TO ledger_entries",
    "CREATE INDEX ix_ledger_entries_account ON ledger_entries (account_id, key)",
    "CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries \
     BEGIN SELECT RAISE(ABORT, 'ledger_entries is append-only'); END",
    "CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries \
     BEGIN SELECT RAISE(ABORT, 'ledger_entries is append-only'); END",
    "CREATE TRIGGER ledger_entries_close BEFORE INSERT ON ledger_entries \
     WHEN EXISTS (SELECT 1 FROM ledger_transactions WHERE id = NEW.transaction_id) \
     OR EXISTS (SELECT 1 FROM ledger_entries WHERE transaction_id = NEW.transaction_id AND position = NEW.position) \
     BEGIN SELECT RAISE(ABORT, 'ledger transaction is closed'); END",
    // REPLACE deletes without asking the trigger that refuses it, hence the first condition.
    "CREATE TRIGGER ledger_transactions_close BEFORE INSERT ON ledger_transactions BEGIN
         SELECT RAISE(ABORT, 'ledger transaction is closed')
             WHERE EXISTS (SELECT 1 FROM ledger_transactions WHERE id = NEW.id)
             OR EXISTS (SELECT 1 FROM ledger_transactions WHERE book = NEW.book AND source = NEW.source)
             OR EXISTS (SELECT 1 FROM ledger_transactions WHERE reverses = NEW.reverses);
         SELECT RAISE(ABORT, 'ledger transaction has no entries')
             WHERE NOT EXISTS (SELECT 1 FROM ledger_entries WHERE transaction_id = NEW.id);
         SELECT RAISE(ABORT, 'ledger transaction is unbalanced, or not of one book') WHERE EXISTS (
             SELECT 1 FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id
             WHERE e.transaction_id = NEW.id GROUP BY a.currency
             HAVING SUM(e.amount) <> 0 OR SUM(a.book <> NEW.book) > 0);
     END",
    "CREATE TRIGGER ledger_transactions_unsummed AFTER INSERT ON ledger_transactions \
     BEGIN INSERT INTO ledger_unsummed (transaction_id) VALUES (NEW.id); END",
    "CREATE TRIGGER ledger_accounts_no_replace BEFORE INSERT ON ledger_accounts \
     WHEN EXISTS (SELECT 1 FROM ledger_accounts WHERE id = NEW.id) \
     BEGIN SELECT RAISE(ABORT, 'ledger_accounts is append-only'); END",
    "CREATE TRIGGER ledger_accounts_no_update BEFORE UPDATE ON ledger_accounts \
     BEGIN SELECT RAISE(ABORT, 'ledger_accounts is append-only'); END",
    "CREATE TRIGGER ledger_accounts_no_delete BEFORE DELETE ON ledger_accounts \
     BEGIN SELECT RAISE(ABORT, 'ledger_accounts is append-only'); END",
];

/// The deferred foreign key stays: entries that come after their transaction satisfy it as well.
const SQLITE_DOWN: [&str; 6] = [
    "DROP TRIGGER ledger_accounts_no_delete",
    "DROP TRIGGER ledger_accounts_no_update",
    "DROP TRIGGER ledger_accounts_no_replace",
    "DROP TRIGGER ledger_transactions_unsummed",
    "DROP TRIGGER ledger_transactions_close",
    "DROP TRIGGER ledger_entries_close",
];
