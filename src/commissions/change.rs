//! Another amount or another time for a rule; orders that were made keep theirs.

use sea_orm::{ActiveValue::Set, IntoActiveModel};
use souk_entity::{CommissionRuleId, commission_rule::Model};

use super::{error::CommissionError, store, tell::tell, terms::Terms};
use crate::{context::Context, db};

/// Changes a rule's terms.
pub(super) async fn change(
    ctx: &Context,
    id: CommissionRuleId,
    apply: impl FnOnce(&mut Terms) + Send,
) -> Result<Model, CommissionError> {
    let tx = db::begin_write(&ctx.db).await?;
    let rule = store::lock(&tx, id).await?.ok_or(CommissionError::NotFound)?;
    if rule.deleted_at.is_some() {
        return Err(CommissionError::Deleted);
    }
    let (mut terms, currency) = (Terms::of(&rule), rule.currency);
    apply(&mut terms);
    let mut row = rule.into_active_model();
    terms.write(currency, &mut row)?;
    row.updated_at = Set(ctx.clock.business());
    let rule = store::update(&tx, row).await?;
    tell(&tx, ctx, "commission_rule.updated", &rule).await?;
    db::commit(tx, "commission_rule", "update").await?;
    Ok(rule)
}
