//! The end of a rule. Its row stays, for the lines that name it.

use sea_orm::{ActiveValue::Set, IntoActiveModel};
use souk_entity::{CommissionRuleId, commission_rule::Model};

use super::{error::CommissionError, store, tell::tell};
use crate::{context::Context, db};

/// Ends a rule for good; one that was ended stays as it is.
pub(super) async fn delete(ctx: &Context, id: CommissionRuleId) -> Result<Model, CommissionError> {
    let tx = db::begin_write(&ctx.db).await?;
    let rule = store::lock(&tx, id).await?.ok_or(CommissionError::NotFound)?;
    if rule.deleted_at.is_some() {
        return Ok(rule);
    }
    let now = ctx.clock.business();
    let mut row = rule.into_active_model();
    row.deleted_at = Set(Some(now));
    row.updated_at = Set(now);
    let rule = store::update(&tx, row).await?;
    tell(&tx, ctx, "commission_rule.deleted", &rule).await?;
    db::commit(tx, "commission_rule", "delete").await?;
    Ok(rule)
}
