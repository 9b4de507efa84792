//! What the marketplace keeps of a line, as rules.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(commission_rules()).await?;
        for (name, columns) in [
            // How a checkout finds the rules of its lines.
            ("ix_commission_rules_conditions", &["listing_id", "seller_id", "category"][..]),
            ("ix_commission_rules_seller_id_id", &["seller_id", "id"]),
        ] {
            let mut index = Index::create();
            index.name(name).table("commission_rules");
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("commission_rules").to_owned()).await
    }
}

fn commission_rules() -> TableCreateStatement {
    let col = |name: &'static str| Expr::col(name);
    let amounts = ["fixed", "minimum", "maximum"];
    let without_amounts = amounts.iter().fold(Cond::all(), |all, amount| all.add(col(amount).is_null()));
    Table::create()
        .table("commission_rules")
        .col(uuid("id").primary_key())
        .col(uuid_null("seller_id"))
        .col(text_null("category"))
        .col(uuid_null("listing_id"))
        .col(char_len_null("currency", 3))
        .col(integer("basis_points").check(col("basis_points").between(0, 10_000)))
        .col(big_integer_null("fixed").check(col("fixed").gte(0)))
        .col(big_integer_null("minimum").check(col("minimum").gte(0)))
        .col(big_integer_null("maximum").check(col("maximum").gte(0)))
        .col(timestamp_with_time_zone("effective_from"))
        .col(timestamp_with_time_zone_null("effective_until"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .col(timestamp_with_time_zone_null("deleted_at"))
        .check(Cond::any().add(col("currency").is_not_null()).add(without_amounts))
        .check(col("maximum").gte(col("minimum")))
        .check(col("effective_until").gt(col("effective_from")))
        .foreign_key(
            ForeignKey::create()
                .name("fk_commission_rules_seller")
                .from("commission_rules", "seller_id")
                .to("sellers", "id"),
        )
        .foreign_key(
            ForeignKey::create()
                .name("fk_commission_rules_listing")
                .from("commission_rules", "listing_id")
                .to("listings", "id"),
        )
        .to_owned()
}
