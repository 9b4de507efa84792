//! Lists: newest first, by cursor in both directions.

use super::{
    call::{Answer, Call},
    error::StripeError,
    params::Params,
};
use crate::{
    json::{Value, json},
    store::{Stored, Tables},
};

/// Which page of a list is asked for.
pub(crate) struct Page {
    limit: usize,
    starting_after: Option<String>,
    ending_before: Option<String>,
}

impl Page {
    pub(crate) fn read(params: &mut Params) -> Result<Self, StripeError> {
        let limit = params.int("limit")?.unwrap_or(10);
        let limit =
            usize::try_from(limit).ok().filter(|limit| (1..=100).contains(limit)).ok_or_else(|| {
                let message = "This value must be between 1 and 100 (inclusive).";
                StripeError::invalid(message, "limit").with_code("parameter_invalid_integer")
            })?;
        let page = Self {
            limit,
            starting_after: params.text("starting_after")?,
            ending_before: params.text("ending_before")?,
        };
        if page.starting_after.is_some() && page.ending_before.is_some() {
            let message = "You may only specify one of these parameters: ending_before, starting_after.";
            return Err(StripeError::invalid(message, "ending_before"));
        }
        Ok(page)
    }

    /// The records under `key` that `keep` keeps, rendered.
    pub(crate) fn of<T: Stored>(
        self,
        call: &mut Call<'_, '_>,
        key: &str,
        keep: impl Fn(&T) -> bool,
        render: impl Fn(&Tables, &T) -> Value,
    ) -> Answer {
        call.finish()?;
        let tables: &Tables = call.tx.tables;
        let table = T::table(tables);
        let cursor = |id: &str, param: &str| {
            table.seq(id).ok_or_else(|| StripeError::no_such_param(T::NOUN, id, param))
        };
        let wanted = self.limit + 1;
        let mut found: Vec<&T> = match (&self.starting_after, &self.ending_before) {
            (Some(id), _) => {
                let seq = cursor(id, "starting_after")?;
                table.before(key, seq).filter(|record| keep(record)).take(wanted).collect()
            }
            (None, Some(id)) => {
                let seq = cursor(id, "ending_before")?;
                table.after(key, seq).filter(|record| keep(record)).take(wanted).collect()
            }
            (None, None) => table.list(key).rev().filter(|record| keep(record)).take(wanted).collect(),
        };
        let has_more = found.len() > self.limit;
        found.truncate(self.limit);
        if self.ending_before.is_some() {
            found.reverse();
        }
        let data: Vec<Value> = found.into_iter().map(|record| render(tables, record)).collect();
        Ok(json!({ "object": "list", "data": data, "has_more": has_more, "url": call.url }))
    }
}

/// A filter such as `created[gte]=1`, or `created=1`.
#[derive(Clone, Copy, Default)]
pub(crate) struct Range {
    from: Option<i64>,
    to: Option<i64>,
}

impl Range {
    pub(crate) fn read(params: &mut Params, name: &str) -> Result<Self, StripeError> {
        if let Ok(Some(exactly)) = params.clone().int(name) {
            params.ignore(&[name]);
            return Ok(Self { from: Some(exactly), to: Some(exactly) });
        }
        let Some(mut hash) = params.hash(name)? else { return Ok(Self::default()) };
        let mut range = Self::default();
        if let Some(value) = hash.int("gt")? {
            range.from = Some(value + 1);
        }
        if let Some(value) = hash.int("gte")? {
            range.from = Some(range.from.map_or(value, |from| from.max(value)));
        }
        if let Some(value) = hash.int("lt")? {
            range.to = Some(value - 1);
        }
        if let Some(value) = hash.int("lte")? {
            range.to = Some(range.to.map_or(value, |to| to.min(value)));
        }
        hash.finish()?;
        Ok(range)
    }

    pub(crate) fn holds(self, value: i64) -> bool {
        self.from.is_none_or(|from| value >= from) && self.to.is_none_or(|to| value <= to)
    }
}

/// A list inside of an object: everything, newest first, with its count.
pub(crate) fn embedded(url: String, mut data: Vec<Value>) -> Value {
    let total = data.len();
    data.truncate(10);
    json!({ "object": "list", "data": data, "has_more": total > 10, "total_count": total, "url": url })
}
