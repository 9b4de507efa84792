//! The page of the buyer's bank: was it you? For payments, and for cards that are to be kept.

use maud::html;
use poem::http::StatusCode;

use super::{Reply, page};
use crate::{
    protocol::params::Params,
    resources::{
        payment_intent::{self, NextAction, PaymentIntent},
        payment_method::{Instrument, PaymentMethod},
        setup_intent::{self, SetupIntent},
    },
    store::Tx,
};

/// What waits for the buyer.
enum Waiting {
    Payment(Box<PaymentIntent>),
    Setup(Box<SetupIntent>),
}

pub(super) fn show(tx: &mut Tx<'_>, id: &str, token: &str) -> Reply {
    let Some(waiting) = Waiting::find(tx, id, token) else { return over() };
    let (title, question) = match &waiting {
        Waiting::Payment(intent) => (
            waiting.title(tx),
            html! { "Your bank asks whether you want to pay " strong { (intent.currency.display(intent.amount)) } "." },
        ),
        Waiting::Setup(_) => {
            (waiting.title(tx), html! { "Your bank asks whether this card may be kept for later payments." })
        }
    };
    let content = html! {
        h1 { (title) }
        p { (question) }
        form.card method="post" {
            p { "This is a test: choose how the bank shall see it." }
            div.actions {
                button.first type="submit" name="outcome" value="complete" { "Complete" }
                button.quiet type="submit" name="outcome" value="fail" { "Fail" }
            }
        }
    };
    Reply::Framed(StatusCode::OK, page::frame(title, &content))
}

pub(super) fn decide(tx: &mut Tx<'_>, id: &str, token: &str, mut form: Params) -> Reply {
    let Some(waiting) = Waiting::find(tx, id, token) else { return over() };
    let confirmed = form.text("outcome").ok().flatten().as_deref() == Some("complete");
    let return_url = waiting.next_action().and_then(|action| action.return_url.clone());
    let succeeded = waiting.decide(tx, confirmed);
    match return_url.and_then(|url| url::Url::parse(&url).ok()) {
        Some(mut url) => {
            let (noun, secret) = match &waiting {
                Waiting::Payment(intent) => ("payment_intent", &intent.client_secret),
                Waiting::Setup(intent) => ("setup_intent", &intent.client_secret),
            };
            url.query_pairs_mut()
                .append_pair(noun, id)
                .append_pair(&format!("{noun}_client_secret"), secret)
                .append_pair("redirect_status", if succeeded { "succeeded" } else { "failed" });
            Reply::SeeOther(url.into())
        }
        None if succeeded => {
            Reply::Framed(StatusCode::OK, page::message("Confirmed", "You can close this page."))
        }
        None => Reply::Framed(StatusCode::OK, page::message("Not confirmed", "You can close this page.")),
    }
}

impl Waiting {
    /// The intent, if it waits for this very page.
    fn find(tx: &Tx<'_>, id: &str, token: &str) -> Option<Self> {
        let found = match id.split_once('_')?.0 {
            "seti" => {
                let intent = tx.get::<SetupIntent>(id)?.clone();
                (intent.status == setup_intent::Status::RequiresAction).then(|| Self::Setup(intent.into()))?
            }
            _ => {
                let intent = tx.get::<PaymentIntent>(id)?.clone();
                (intent.status == payment_intent::Status::RequiresAction)
                    .then(|| Self::Payment(intent.into()))?
            }
        };
        let asked = found.next_action().is_some_and(|action| action.url.ends_with(&format!("/{token}")));
        asked.then_some(found)
    }

    fn next_action(&self) -> Option<&NextAction> {
        match self {
            Self::Payment(intent) => intent.next_action.as_ref(),
            Self::Setup(intent) => intent.next_action.as_ref(),
        }
    }

    fn title(&self, tx: &Tx<'_>) -> &'static str {
        let Self::Payment(intent) = self else { return "Confirm your card" };
        let method = intent.payment_method.as_deref().and_then(|id| tx.get::<PaymentMethod>(id));
        match method.map(|method| &method.instrument) {
            Some(Instrument::Ideal(_)) => "Pay with iDEAL",
            _ => "Confirm your payment",
        }
    }

    /// Goes on with it, and tells whether that went well.
    fn decide(&self, tx: &mut Tx<'_>, confirmed: bool) -> bool {
        match self {
            Self::Payment(intent) if confirmed => payment_intent::authenticated(tx, (**intent).clone())
                .is_ok_and(|intent| intent.failure.is_none()),
            Self::Setup(intent) if confirmed => {
                setup_intent::authenticated(tx, (**intent).clone());
                true
            }
            Self::Payment(intent) => {
                payment_intent::authentication_failed(tx, (**intent).clone());
                false
            }
            Self::Setup(intent) => {
                setup_intent::authentication_failed(tx, (**intent).clone());
                false
            }
        }
    }
}

fn over() -> Reply {
    let text = "This does not wait for a confirmation any more.";
    Reply::Framed(StatusCode::NOT_FOUND, page::message("Nothing to confirm", text))
}
