//! What is in the cart of a session.

use serde::{Deserialize, Serialize};

use super::Session;
use crate::{
    json::{Value, json},
    money::Currency,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        params::{Metadata, Params},
    },
};

/// How many items a session may have.
const MOST_ITEMS: usize = 100;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LineItem {
    pub(crate) id: String,
    /// The price and the product that `price_data` makes; they live in their session alone.
    pub(crate) price: String,
    pub(crate) product: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) images: Vec<String>,
    /// In minor units.
    pub(crate) unit_amount: i64,
    pub(crate) currency: Currency,
    pub(crate) quantity: i64,
    pub(crate) tax_behavior: Option<String>,
    pub(crate) product_metadata: Metadata,
    pub(crate) metadata: Metadata,
    pub(crate) created: i64,
}

impl LineItem {
    pub(crate) fn total(&self) -> i64 {
        self.unit_amount.saturating_mul(self.quantity)
    }

    pub(crate) fn render(&self) -> Value {
        json!({
            "id": self.id,
            "object": "item",
            "adjustable_quantity": null,
            "amount_discount": 0,
            "amount_subtotal": self.total(),
            "amount_tax": 0,
            "amount_total": self.total(),
            "currency": self.currency,
            "description": self.name,
            "metadata": self.metadata,
            "price": self.render_price(),
            "quantity": self.quantity,
        })
    }

    fn render_price(&self) -> Value {
        json!({
            "id": self.price,
            "object": "price",
            "active": false,
            "billing_scheme": "per_unit",
            "created": self.created,
            "currency": self.currency,
            "custom_unit_amount": null,
            "livemode": false,
            "lookup_key": null,
            "metadata": {},
            "nickname": null,
            "product": self.product,
            "recurring": null,
            "tax_behavior": self.tax_behavior.as_deref().unwrap_or("unspecified"),
            "tiers_mode": null,
            "transform_quantity": null,
            "type": "one_time",
            "unit_amount": self.unit_amount,
            "unit_amount_decimal": self.unit_amount.to_string(),
        })
    }

    pub(crate) fn render_product(&self) -> Value {
        json!({
            "id": self.product,
            "object": "product",
            "active": false,
            "created": self.created,
            "default_price": null,
            "description": self.description,
            "images": self.images,
            "livemode": false,
            "marketing_features": [],
            "metadata": self.product_metadata,
            "name": self.name,
            "package_dimensions": null,
            "shippable": null,
            "tax_code": null,
            "tax_details": null,
            "type": "service",
            "updated": self.created,
            "url": null,
        })
    }
}

/// Reads `line_items`; an update may name items that are there already.
pub(super) fn read(
    call: &mut Call<'_, '_>,
    known: &[LineItem],
) -> Result<Option<Vec<LineItem>>, StripeError> {
    let Some(hashes) = call.params.hashes("line_items")? else { return Ok(None) };
    if hashes.len() > MOST_ITEMS {
        let message = format!("A Checkout Session can have up to {MOST_ITEMS} line items.");
        return Err(StripeError::invalid(message, "line_items"));
    }
    let mut items = Vec::with_capacity(hashes.len());
    for mut hash in hashes {
        items.push(read_one(call, &mut hash, known)?);
        hash.finish()?;
    }
    let currencies = items.windows(2).all(|pair| pair[0].currency == pair[1].currency);
    if !currencies {
        let message = "All line items must be in the same currency.";
        return Err(StripeError::invalid(message, "line_items"));
    }
    Ok(Some(items))
}

fn read_one(call: &mut Call<'_, '_>, hash: &mut Params, known: &[LineItem]) -> Result<LineItem, StripeError> {
    let quantity_param = hash.name_of("quantity");
    let quantity = hash.int("quantity")?;
    if quantity.is_some_and(|quantity| quantity < 1) {
        let message = "This value must be greater than or equal to 1.";
        return Err(StripeError::invalid(message, &quantity_param).with_code("parameter_invalid_integer"));
    }
    hash.ignore(&["adjustable_quantity", "dynamic_tax_rates", "tax_rates"]);
    let price_param = hash.name_of("price");
    if let Some(id) = hash.text("price")? {
        // Prices of a catalogue are not in the sandbox.
        return Err(StripeError::no_such_param("price", &id, &price_param));
    }
    let id_param = hash.name_of("id");
    let mut item = match hash.text("id")? {
        Some(id) => known
            .iter()
            .find(|item| item.id == id)
            .cloned()
            .ok_or_else(|| StripeError::no_such_param("line item", &id, &id_param))?,
        None => {
            let data_param = hash.name_of("price_data");
            let mut data = hash.hash("price_data")?.ok_or_else(|| StripeError::missing(&data_param))?;
            let item = read_price(call, &mut data)?;
            data.finish()?;
            let quantity = quantity.ok_or_else(|| StripeError::missing(&quantity_param))?;
            LineItem { quantity, ..item }
        }
    };
    item.quantity = quantity.unwrap_or(item.quantity);
    hash.metadata(&mut item.metadata)?;
    Ok(item)
}

fn read_price(call: &mut Call<'_, '_>, data: &mut Params) -> Result<LineItem, StripeError> {
    let currency = data.required_currency("currency")?;
    let unit_amount = read_unit_amount(data)?;
    let tax_behavior = data.choice("tax_behavior", &["exclusive", "inclusive", "unspecified"])?;
    if data.has("recurring") {
        let message = "You can't use recurring prices in `payment` mode.";
        return Err(StripeError::invalid(message, &data.name_of("recurring")));
    }
    let product_param = data.name_of("product");
    if let Some(id) = data.text("product")? {
        return Err(StripeError::no_such_param("product", &id, &product_param));
    }
    let product_param = data.name_of("product_data");
    let mut product = data.hash("product_data")?.ok_or_else(|| StripeError::missing(&product_param))?;
    let mut item = LineItem {
        id: call.tx.new_id("li"),
        price: call.tx.new_id("price"),
        product: call.tx.new_id("prod"),
        name: product.required("name")?,
        description: product.text("description")?,
        images: product.texts("images")?.unwrap_or_default(),
        unit_amount,
        currency,
        quantity: 1,
        tax_behavior,
        product_metadata: Metadata::new(),
        metadata: Metadata::new(),
        created: call.tx.now(),
    };
    product.metadata(&mut item.product_metadata)?;
    product.ignore(&["tax_code", "tax_details", "unit_label"]);
    product.finish()?;
    Ok(item)
}

/// `unit_amount`, or `unit_amount_decimal` without a fraction of a minor unit.
fn read_unit_amount(data: &mut Params) -> Result<i64, StripeError> {
    let (name, decimal) = (data.name_of("unit_amount"), data.name_of("unit_amount_decimal"));
    let amount = match (data.int("unit_amount")?, data.text("unit_amount_decimal")?) {
        (Some(amount), None) => amount,
        (None, Some(text)) => {
            let whole = text.split_once('.').map_or(text.as_str(), |(whole, rest)| {
                if rest.bytes().all(|byte| byte == b'0') { whole } else { "" }
            });
            whole.parse().map_err(|_| StripeError::invalid(format!("Invalid decimal: {text}"), &decimal))?
        }
        (Some(_), Some(_)) => {
            let message = "You may only specify one of these parameters: unit_amount, unit_amount_decimal.";
            return Err(StripeError::invalid(message, &decimal));
        }
        (None, None) => return Err(StripeError::missing(&name)),
    };
    if amount < 0 {
        let message = "This value must be greater than or equal to 0.";
        return Err(StripeError::invalid(message, &name).with_code("parameter_invalid_integer"));
    }
    Ok(amount)
}

/// The items of a session in the order in which they were given. There are few: cursors name one of them.
pub(super) fn list(call: &mut Call<'_, '_>) -> Answer {
    let limit = call.params.int("limit")?.unwrap_or(10);
    let limit = usize::try_from(limit).ok().filter(|limit| (1..=100).contains(limit)).ok_or_else(|| {
        let message = "This value must be between 1 and 100 (inclusive).";
        StripeError::invalid(message, "limit").with_code("parameter_invalid_integer")
    })?;
    let (after, before) = (call.params.text("starting_after")?, call.params.text("ending_before")?);
    call.finish()?;
    let session = call.owned::<Session>(&call.arg(0))?;
    let place = |id: &str, param: &str| {
        let place = session.items.iter().position(|item| item.id == id);
        place.ok_or_else(|| StripeError::no_such_param("line item", id, param))
    };
    let (from, to) = match (after, before) {
        (Some(id), _) => {
            let from = place(&id, "starting_after")? + 1;
            (from, (from + limit).min(session.items.len()))
        }
        (None, Some(id)) => {
            let to = place(&id, "ending_before")?;
            (to.saturating_sub(limit), to)
        }
        (None, None) => (0, limit.min(session.items.len())),
    };
    let data: Vec<Value> = session.items[from..to].iter().map(LineItem::render).collect();
    let has_more = to < session.items.len();
    Ok(json!({ "object": "list", "data": data, "has_more": has_more, "url": call.url }))
}
