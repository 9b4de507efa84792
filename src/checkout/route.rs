//! Which way the money of a cart goes: the charge model, and in whose name the charge is made.
//!
//! Readiness is a question of the model (`sellers::payable`). A separate charge asks for none: a share whose seller
//! can't be paid yet waits. Nobody sells whose account Stripe or the platform has rejected, or who has left.

use souk_entity::{
    Scope, StripeAccountId,
    order::ChargeModel,
    seller::{self, Status},
};

use super::{error::CheckoutError, release::Rule};
use crate::{
    config::NotPayable,
    sellers::{self, Payable},
};

/// What a caller wants of the way of the money.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// None for whatever fits the cart.
    pub(super) charge_model: Option<ChargeModel>,
    pub(super) on_behalf_of: bool,
    pub(super) release: Rule,
}

/// A seller of the cart.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) account: Option<StripeAccountId>,
    pub(super) payable: Payable,
    /// Whether they will never be paid again.
    pub(super) gone: bool,
    /// Whether they owe the marketplace anything in the cart's currency: only separate shares can be netted.
    pub(super) in_debt: bool,
}

impl Candidate {
    pub(super) fn new(seller: &seller::Model, in_debt: bool) -> Self {
        Self {
            account: seller.stripe_account_id.clone(),
            payable: sellers::payable(seller),
            gone: matches!(seller.status, Status::Rejected | Status::Disconnected),
            in_debt,
        }
    }
}

/// The way that is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// To the account, by the charge itself.
    Destination(StripeAccountId),
    /// To the platform, to be transferred later.
    Separate,
    /// Charged on the account itself.
    Direct(StripeAccountId),
}

impl Route {
    pub(super) const fn charge_model(&self) -> ChargeModel {
        match self {
            Self::Destination(_) => ChargeModel::Destination,
            Self::Separate => ChargeModel::Separate,
            Self::Direct(_) => ChargeModel::Direct,
        }
    }

    /// Where the payment intent lives.
    pub(super) fn scope(&self) -> Scope {
        match self {
            Self::Destination(_) | Self::Separate => Scope::Platform,
            Self::Direct(account) => Scope::Connected(account.clone()),
        }
    }
}

/// Chooses the way for a cart of these sellers.
pub(super) fn choose(
    terms: Terms,
    sellers: &[Candidate],
    not_payable: NotPayable,
) -> Result<Route, CheckoutError> {
    if sellers.iter().any(|seller| seller.gone) {
        return Err(CheckoutError::SellerGone);
    }
    match (terms.charge_model, sellers) {
        (Some(ChargeModel::Separate), _) => Ok(Route::Separate),
        (None, [one]) if !terms.release.waits() && !one.in_debt => destination(one, not_payable),
        (None, _) => Ok(Route::Separate),
        (Some(_), [_]) if terms.release.waits() => Err(CheckoutError::ReleaseWaits),
        (Some(ChargeModel::Destination), [one]) => destination(one, not_payable),
        (Some(ChargeModel::Direct), [one]) => direct(one),
        (Some(_), _) => Err(CheckoutError::SeveralSellers),
    }
}

/// The account in whose name the charge is made, if it was asked for.
pub(super) fn on_behalf_of(
    terms: Terms,
    route: &Route,
    sellers: &[Candidate],
) -> Result<Option<StripeAccountId>, CheckoutError> {
    match (terms.on_behalf_of, route, sellers) {
        (false, ..) => Ok(None),
        (true, Route::Direct(_), _) => Err(CheckoutError::OnBehalfOfDirect),
        (true, _, [one]) if one.payable.direct => {
            one.account.clone().map(Some).ok_or(CheckoutError::SellerNotPayable)
        }
        (true, _, [_]) => Err(CheckoutError::SellerTakesNoCards),
        (true, ..) => Err(CheckoutError::OnBehalfOfSeveral),
    }
}

fn destination(one: &Candidate, not_payable: NotPayable) -> Result<Route, CheckoutError> {
    match (&one.account, not_payable) {
        (Some(account), _) if one.payable.destination => Ok(Route::Destination(account.clone())),
        (_, NotPayable::Separate) => Ok(Route::Separate),
        (_, NotPayable::Refuse) => Err(CheckoutError::SellerNotPayable),
    }
}

fn direct(one: &Candidate) -> Result<Route, CheckoutError> {
    match &one.account {
        Some(account) if one.payable.direct => Ok(Route::Direct(account.clone())),
        _ => Err(CheckoutError::SellerTakesNoCards),
    }
}

#[cfg(test)]
mod tests {
    use souk_entity::order::ReleaseType;

    use super::*;

    fn account() -> StripeAccountId {
        "acct_1".parse().unwrap()
    }

    fn ready() -> Candidate {
        let payable = Payable { destination: true, separate: true, direct: true };
        Candidate { account: Some(account()), payable, gone: false, in_debt: false }
    }

    fn newcomer() -> Candidate {
        let payable = Payable { destination: false, separate: false, direct: false };
        Candidate { payable, ..ready() }
    }

    fn without_cards() -> Candidate {
        Candidate { payable: Payable { direct: false, ..ready().payable }, ..ready() }
    }

    fn terms(charge_model: Option<ChargeModel>) -> Terms {
        Terms { charge_model, on_behalf_of: false, release: Rule::IMMEDIATE }
    }

    fn chosen(terms: Terms, sellers: &[Candidate]) -> Result<Route, &'static str> {
        choose(terms, sellers, NotPayable::Refuse).map_err(|error| error.code())
    }

    #[test]
    fn auto_takes_destination_unless_something_needs_separate() {
        let auto = terms(None);
        assert_eq!(chosen(auto, &[ready()]), Ok(Route::Destination(account())));
        assert_eq!(chosen(auto, &[without_cards()]), Ok(Route::Destination(account())));
        assert_eq!(chosen(auto, &[ready(), ready()]), Ok(Route::Separate));
        let indebted = Candidate { in_debt: true, ..ready() };
        assert_eq!(chosen(auto, &[indebted]), Ok(Route::Separate));
        let release = Rule::new(ReleaseType::OnFulfillment, None).unwrap();
        assert_eq!(chosen(Terms { release, ..auto }, &[ready()]), Ok(Route::Separate));
    }

    #[test]
    fn what_was_asked_for_is_taken_or_refused() {
        let (destination, separate, direct) = (
            terms(Some(ChargeModel::Destination)),
            terms(Some(ChargeModel::Separate)),
            terms(Some(ChargeModel::Direct)),
        );
        assert_eq!(chosen(destination, &[ready()]), Ok(Route::Destination(account())));
        assert_eq!(chosen(separate, &[ready()]), Ok(Route::Separate));
        assert_eq!(chosen(direct, &[ready()]), Ok(Route::Direct(account())));
        let release = Rule::new(ReleaseType::AfterPayment, Some(7)).unwrap();
        for one in [destination, direct] {
            assert_eq!(chosen(one, &[ready(), ready()]), Err("several_sellers"));
            assert_eq!(chosen(Terms { release, ..one }, &[ready()]), Err("release_needs_separate"));
            assert_eq!(chosen(one, &[newcomer()]), Err("seller_not_payable"));
        }
        assert_eq!(chosen(direct, &[without_cards()]), Err("seller_not_payable"));
        assert_eq!(chosen(Terms { release, ..separate }, &[ready()]), Ok(Route::Separate));
    }

    #[test]
    fn a_share_can_wait_for_its_seller_where_the_charge_is_separate() {
        let separate = terms(Some(ChargeModel::Separate));
        assert_eq!(chosen(separate, &[newcomer()]), Ok(Route::Separate));
        assert_eq!(chosen(terms(None), &[ready(), newcomer()]), Ok(Route::Separate));
        assert_eq!(chosen(terms(None), &[newcomer()]), Err("seller_not_payable"));
        for one in [terms(None), terms(Some(ChargeModel::Destination))] {
            assert!(matches!(choose(one, &[newcomer()], NotPayable::Separate), Ok(Route::Separate)));
        }
        let gone = Candidate { gone: true, ..newcomer() };
        for sellers in [&[gone.clone()][..], &[ready(), gone]] {
            assert_eq!(chosen(separate, sellers), Err("seller_not_payable"));
        }
    }

    #[test]
    fn one_seller_who_takes_cards_may_be_the_business_of_record() {
        let wanted = Terms { on_behalf_of: true, ..terms(None) };
        let of = |route: Route, sellers: &[Candidate]| {
            on_behalf_of(wanted, &route, sellers).map_err(|error| error.code())
        };
        assert_eq!(of(Route::Destination(account()), &[ready()]), Ok(Some(account())));
        assert_eq!(of(Route::Separate, &[ready()]), Ok(Some(account())));
        assert_eq!(of(Route::Separate, &[without_cards()]), Err("seller_not_payable"));
        assert_eq!(of(Route::Separate, &[ready(), ready()]), Err("several_sellers"));
        assert_eq!(of(Route::Direct(account()), &[ready()]), Err("on_behalf_of_not_possible"));
        assert_eq!(on_behalf_of(terms(None), &Route::Separate, &[ready()]).unwrap(), None);
    }
}
