//! The page on which a seller connects a Stripe account of their own to a platform, or does not.

use maud::html;
use poem::http::StatusCode;

use super::{Reply, page};
use crate::{
    protocol::params::Params,
    resources::{
        account::{self, Account},
        application_of, oauth,
    },
    store::Tx,
    webhooks::is_private_url,
};

/// What the platform asks for in the address of the page.
struct Asked {
    platform: Account,
    client_id: String,
    redirect_uri: String,
    scope: String,
    state: Option<String>,
}

pub(super) fn show(tx: &mut Tx<'_>, mut params: Params) -> Reply {
    match read(tx, &mut params) {
        Ok(asked) => Reply::Page(StatusCode::OK, render(tx, &asked)),
        Err(reply) => reply,
    }
}

/// The seller decided: both ways lead back to the platform.
pub(super) fn decide(tx: &mut Tx<'_>, mut params: Params) -> Reply {
    let asked = match read(tx, &mut params) {
        Ok(asked) => asked,
        Err(reply) => return reply,
    };
    if params.text("action").ok().flatten().as_deref() != Some("connect") {
        let refusal = [("error", "access_denied"), ("error_description", "The user denied your request")];
        return back(&asked, &refusal);
    }
    let chosen = params.text("account").ok().flatten();
    let known =
        chosen.and_then(|id| former(tx, &asked.platform.id).into_iter().find(|account| account.id == id));
    let account = match known {
        Some(account) => account.id,
        None => account::open_standard(tx, &asked.platform.id),
    };
    let code = oauth::authorize(tx, &asked.platform.id, &account, &asked.scope);
    back(&asked, &[("scope", &asked.scope), ("code", &code)])
}

/// What is wrong with the address stays on the page: it may not be the platform that is asking.
fn read(tx: &Tx<'_>, params: &mut Params) -> Result<Asked, Reply> {
    let mut text = |name: &str| params.text(name).ok().flatten();
    let client_id = text("client_id").unwrap_or_default();
    let platform = client_id
        .strip_prefix("ca_")
        .and_then(|rest| tx.get::<Account>(&format!("acct_{rest}")))
        .filter(|found| found.is_platform() && application_of(&found.id) == client_id)
        .cloned()
        .ok_or_else(|| wrong("No application matches the supplied client identifier"))?;
    if text("response_type").is_some_and(|kind| kind != "code") {
        return Err(wrong("The response_type must be code"));
    }
    // Nothing that the sandbox does leaves the machine or its private network.
    let redirect_uri = text("redirect_uri")
        .filter(|uri| is_private_url(uri))
        .ok_or_else(|| wrong("Invalid redirect_uri: it must be http on a loopback or private address"))?;
    let scope = text("scope").unwrap_or_else(|| "read_only".to_owned());
    if !["read_only", "read_write"].contains(&scope.as_str()) {
        return Err(wrong("The scope must be read_only or read_write"));
    }
    Ok(Asked { platform, client_id, redirect_uri, scope, state: text("state") })
}

fn wrong(message: &str) -> Reply {
    Reply::Page(StatusCode::BAD_REQUEST, page::message("This link does not work", message))
}

fn back(asked: &Asked, answer: &[(&str, &str)]) -> Reply {
    match url::Url::parse(&asked.redirect_uri) {
        Ok(mut url) => {
            url.query_pairs_mut().extend_pairs(answer);
            if let Some(state) = &asked.state {
                url.query_pairs_mut().append_pair("state", state);
            }
            Reply::SeeOther(url.into())
        }
        Err(_) => wrong("Invalid redirect_uri"),
    }
}

/// Accounts that were connected before, and whose owners took the access away.
fn former(tx: &Tx<'_>, platform: &str) -> Vec<Account> {
    let key = account::former_of(platform);
    let left = tx.tables.list::<Account>(&key);
    left.filter(|account| account.deauthorized && !account.deleted).cloned().collect()
}

fn render(tx: &Tx<'_>, asked: &Asked) -> String {
    let platform = asked.platform.business_profile.name.clone();
    let platform = platform.unwrap_or_else(|| "The marketplace".to_owned());
    let access = if asked.scope == "read_write" { "read and change" } else { "read" };
    let former = former(tx, &asked.platform.id);
    let content = html! {
        h1 { "Connect " (platform) " with your Stripe account" }
        p { (platform) " will be able to " (access) " the data of your account. Nothing here is real." }
        form method="post" action="/oauth/authorize" {
            input type="hidden" name="client_id" value=(asked.client_id);
            input type="hidden" name="redirect_uri" value=(asked.redirect_uri);
            input type="hidden" name="scope" value=(asked.scope);
            @if let Some(state) = &asked.state { input type="hidden" name="state" value=(state); }
            div.card {
                label for="account" { "Account" }
                select id="account" name="account" {
                    option value="" { "A new Standard account" }
                    @for account in &former {
                        option value=(account.id) { (account.id) @if let Some(email) = &account.email { " · " (email) } }
                    }
                }
            }
            div.actions {
                button.first type="submit" name="action" value="connect" { "Connect" }
                button.quiet type="submit" name="action" value="cancel" { "Cancel" }
            }
        }
    };
    page::frame("Connect your account", &content)
}
