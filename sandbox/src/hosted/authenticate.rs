//! The page of the buyer's bank: was it you?

use maud::html;
use poem::http::StatusCode;

use super::{Reply, page};
use crate::{
    protocol::params::Params,
    resources::payment_intent::{self, PaymentIntent, Status},
    store::Tx,
};

pub(super) fn show(tx: &mut Tx<'_>, id: &str, token: &str) -> Reply {
    let Some(intent) = waiting(tx, id, token) else { return over() };
    let content = html! {
        h1 { "Confirm your payment" }
        p { "Your bank asks whether you want to pay " strong { (intent.currency.display(intent.amount)) } "." }
        form.card method="post" {
            p { "This is a test: choose how the bank shall see it." }
            div.actions {
                button.first type="submit" name="outcome" value="complete" { "Complete" }
                button.quiet type="submit" name="outcome" value="fail" { "Fail" }
            }
        }
    };
    Reply::Page(StatusCode::OK, page::frame("Confirm your payment", &content))
}

pub(super) fn decide(tx: &mut Tx<'_>, id: &str, token: &str, mut form: Params) -> Reply {
    let Some(intent) = waiting(tx, id, token) else { return over() };
    let return_url = intent.next_action.as_ref().and_then(|action| action.return_url.clone());
    let completed = form.text("outcome").ok().flatten().as_deref() == Some("complete");
    let status = if completed {
        match payment_intent::authenticated(tx, intent.clone()) {
            Ok(_) => "succeeded",
            Err(_) => "failed",
        }
    } else {
        payment_intent::authentication_failed(tx, intent.clone());
        "failed"
    };
    match return_url.and_then(|url| url::Url::parse(&url).ok()) {
        Some(mut url) => {
            url.query_pairs_mut()
                .append_pair("payment_intent", &intent.id)
                .append_pair("payment_intent_client_secret", &intent.client_secret)
                .append_pair("redirect_status", status);
            Reply::SeeOther(url.into())
        }
        None if completed => {
            Reply::Page(StatusCode::OK, page::message("Payment confirmed", "You can close this page."))
        }
        None => {
            Reply::Page(StatusCode::OK, page::message("Payment not confirmed", "You can close this page."))
        }
    }
}

/// The intent, if it waits for this very page.
fn waiting(tx: &Tx<'_>, id: &str, token: &str) -> Option<PaymentIntent> {
    let intent = tx.get::<PaymentIntent>(id).filter(|intent| intent.status == Status::RequiresAction)?;
    let asked = intent.next_action.as_ref().is_some_and(|action| action.url.ends_with(&format!("/{token}")));
    asked.then(|| intent.clone())
}

fn over() -> Reply {
    let text = "This payment does not wait for a confirmation any more.";
    Reply::Page(StatusCode::NOT_FOUND, page::message("Nothing to confirm", text))
}
