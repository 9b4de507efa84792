//! Three charge models: what is authorised, what settles, and when a share goes to its seller.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const SHARE_OF_SELLER: &str = "ux_order_shares_order_id_seller_id";
/// The unique one serves what this one did.
const SHARES_OF_ORDER: &str = "ix_order_shares_order_id";
const SHARES_DUE: &str = "ix_order_shares_state_releasable_at";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One column a statement: SQLite takes no more.
        for (table, columns) in added() {
            for column in columns {
                let statement = Table::alter().table(table).add_column(column).to_owned();
                manager.alter_table(statement).await?;
            }
        }
        let share_of_seller = Index::create()
            .name(SHARE_OF_SELLER)
            .table("order_shares")
            .col("order_id")
            .col("seller_id")
            .unique()
            .to_owned();
        manager.create_index(share_of_seller).await?;
        manager.drop_index(Index::drop().name(SHARES_OF_ORDER).table("order_shares").to_owned()).await?;
        let due = Index::create()
            .name(SHARES_DUE)
            .table("order_shares")
            .col("state")
            .col("releasable_at")
            .to_owned();
        manager.create_index(due).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in [SHARES_DUE, SHARE_OF_SELLER] {
            manager.drop_index(Index::drop().name(index).table("order_shares").to_owned()).await?;
        }
        let of_order = Index::create().name(SHARES_OF_ORDER).table("order_shares").col("order_id").to_owned();
        manager.create_index(of_order).await?;
        for (table, columns) in added() {
            for column in columns {
                let statement = Table::alter().table(table).drop_column(column.get_column_name()).to_owned();
                manager.alter_table(statement).await?;
            }
        }
        Ok(())
    }
}

fn added() -> [(&'static str, Vec<ColumnDef>); 3] {
    let orders = vec![
        string_len("capture_method", 16).default("automatic").take(),
        big_integer("authorized").default(0).check(Expr::col("authorized").gte(0)).take(),
        timestamp_with_time_zone_null("capture_before"),
        timestamp_with_time_zone_null("expires_at"),
        boolean("on_behalf_of").default(false).take(),
        string_len("release_type", 24).default("immediate").take(),
        integer("release_days").default(0).check(Expr::col("release_days").gte(0)).take(),
        char_len_null("settled_currency", 3),
        big_integer_null("settled_amount"),
    ];
    let order_lines = vec![
        string_len("kind", 16).default("item").take(),
        text_null("category"),
        uuid_null("commission_rule_id"),
    ];
    let order_shares = vec![
        text_null("hold_reason"),
        text_null("hold_detail"),
        string_len_null("hold_actor", 16),
        timestamp_with_time_zone_null("next_attempt_at"),
        timestamp_with_time_zone_null("fulfilled_at"),
        timestamp_with_time_zone_null("releasable_at"),
        char_len_null("transfer_currency", 3),
        big_integer_null("transfer_amount").check(Expr::col("transfer_amount").gte(0)).take(),
    ];
    [("orders", orders), ("order_lines", order_lines), ("order_shares", order_shares)]
}
