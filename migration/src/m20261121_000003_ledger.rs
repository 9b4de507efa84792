//! The books, and Stripe's balance transactions that half of them is posted from.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// What is written is never changed: a mistake is reversed by another transaction.
const APPEND_ONLY: [&str; 2] = ["ledger_transactions", "ledger_entries"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            ledger_accounts(),
            ledger_transactions(),
            ledger_entries(),
            balance_transactions(),
            import_cursors(),
            reconciliations(),
        ] {
            manager.create_table(table).await?;
        }
        for (name, table, columns, unique) in [
            ("ux_ledger_accounts", "ledger_accounts", &["book", "code", "currency"][..], true),
            ("ux_ledger_transactions_source", "ledger_transactions", &["book", "source"], true),
            ("ix_ledger_entries_account", "ledger_entries", &["account_id", "key"], false),
            ("ix_balance_transactions_source", "balance_transactions", &["scope", "source"], false),
        ] {
            let mut index = Index::create();
            index.name(name).table(table);
            for column in columns {
                index.col(*column);
            }
            if unique {
                index.unique();
            }
            manager.create_index(index).await?;
        }
        for statement in append_only(manager.get_database_backend()) {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            "reconciliations",
            "import_cursors",
            "balance_transactions",
            "ledger_entries",
            "ledger_transactions",
            "ledger_accounts",
        ] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        if manager.get_database_backend() == DbBackend::Postgres {
            manager.get_connection().execute_unprepared("DROP FUNCTION refuse_change()").await?;
        }
        Ok(())
    }
}

fn append_only(backend: DbBackend) -> Vec<String> {
    let mut statements = Vec::new();
    if backend == DbBackend::Postgres {
        statements.push(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
                .to_owned(),
        );
    }
    for table in APPEND_ONLY {
        for event in ["UPDATE", "DELETE"] {
            let name = format!("{table}_no_{}", event.to_lowercase());
            statements.push(match backend {
                DbBackend::Postgres => format!(
                    "CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
                ),
                _ => format!(
                    "CREATE TRIGGER {name} BEFORE {event} ON {table} \
                     BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                ),
            });
        }
    }
    statements
}

fn ledger_accounts() -> TableCreateStatement {
    Table::create()
        .table("ledger_accounts")
        .col(uuid("id").primary_key())
        .col(text("book"))
        .col(text("code"))
        .col(char_len("currency", 3))
        .col(timestamp_with_time_zone("created_at"))
        .to_owned()
}

fn ledger_transactions() -> TableCreateStatement {
    Table::create()
        .table("ledger_transactions")
        .col(uuid("id").primary_key())
        .col(text("book"))
        .col(text("source"))
        .col(text("kind"))
        .col(timestamp_with_time_zone("occurred_at"))
        .col(timestamp_with_time_zone("posted_at"))
        .to_owned()
}

fn ledger_entries() -> TableCreateStatement {
    Table::create()
        .table("ledger_entries")
        .col(uuid("transaction_id"))
        .col(integer("position"))
        .col(uuid("account_id"))
        .col(text("key"))
        .col(big_integer("amount").check(Expr::col("amount").ne(0)))
        .primary_key(Index::create().col("transaction_id").col("position"))
        .foreign_key(
            ForeignKey::create()
                .name("fk_entries_transaction")
                .from("ledger_entries", "transaction_id")
                .to("ledger_transactions", "id"),
        )
        .foreign_key(
            ForeignKey::create()
                .name("fk_entries_account")
                .from("ledger_entries", "account_id")
                .to("ledger_accounts", "id"),
        )
        .to_owned()
}

fn balance_transactions() -> TableCreateStatement {
    Table::create()
        .table("balance_transactions")
        .col(text("scope"))
        .col(text("id"))
        .col(text("transaction_type"))
        .col(text_null("reporting_category"))
        .col(text_null("source"))
        .col(big_integer("amount"))
        .col(big_integer("fee"))
        .col(big_integer("net"))
        .col(char_len("currency", 3))
        .col(json_binary("fee_details"))
        .col(timestamp_with_time_zone("stripe_created_at"))
        .col(timestamp_with_time_zone("available_at"))
        .col(timestamp_with_time_zone("imported_at"))
        .check(Expr::col("net").eq(Expr::col("amount").sub(Expr::col("fee"))))
        .primary_key(Index::create().col("scope").col("id"))
        .to_owned()
}

fn import_cursors() -> TableCreateStatement {
    Table::create()
        .table("import_cursors")
        .col(text("scope").primary_key())
        .col(text("last_id"))
        .col(timestamp_with_time_zone("updated_at"))
        .to_owned()
}

fn reconciliations() -> TableCreateStatement {
    Table::create()
        .table("reconciliations")
        .col(uuid("id").primary_key())
        .col(boolean("clean"))
        .col(json_binary("report"))
        .col(timestamp_with_time_zone("as_of"))
        .to_owned()
}
