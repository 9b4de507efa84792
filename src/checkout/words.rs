//! The words by which the API says what rows say.

use poem_openapi::Enum;
use souk_entity::{order, order_line, order_share};

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "OrderStatus", rename_all = "snake_case")]
pub(super) enum StatusView {
    /// Not paid; also after a decline: another card may follow.
    PendingPayment,
    /// The payment is under way and can still fail.
    Processing,
    /// The buyer's bank holds the money for a later capture.
    Authorized,
    /// The buyer's money was taken.
    Paid,
    /// It will not be paid.
    Canceled,
}

/// How the money goes through Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "ChargeModel", rename_all = "snake_case")]
pub(super) enum ChargeModelView {
    /// One seller: the charge moves the whole to the seller, less an application fee.
    Destination,
    /// The charge stays on the platform, and each seller's share is transferred when it is released.
    Separate,
    /// One seller: the charge is made on the seller's own Stripe account, less an application fee.
    Direct,
}

/// Where a share stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "ShareState", rename_all = "snake_case")]
pub(super) enum ShareStateView {
    /// The order is not paid, or the money is on its way.
    Pending,
    /// It waits on the platform.
    Held,
    /// It is to be transferred to the seller now.
    Releasable,
    /// Its transfer is under way.
    Transferring,
    /// The seller's Stripe balance has it.
    Transferred,
}

/// What a line stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "LineKind", rename_all = "snake_case")]
pub(super) enum LineKindView {
    /// Something that is sold.
    Item,
    /// What it costs to send it.
    Shipping,
    /// A tax on it.
    Tax,
}

/// What a release rule waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "ReleaseType", rename_all = "snake_case")]
pub(super) enum ReleaseTypeView {
    /// Nothing: shares go as soon as the order is paid.
    Immediate,
    /// The seller has fulfilled their part.
    OnFulfillment,
    /// Some days have passed since the payment.
    AfterPayment,
    /// Some days have passed since the seller fulfilled their part.
    AfterFulfillment,
}

/// Who can end a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "HoldActor", rename_all = "snake_case")]
pub(super) enum HoldActorView {
    /// The seller whose share it is.
    Seller,
    /// Who bought.
    Buyer,
    /// The marketplace's staff.
    Operator,
    /// Stripe.
    Stripe,
}

/// The same words on both sides.
macro_rules! same_words {
    ($from:ty => $to:ty { $($word:ident),+ }) => {
        impl From<$from> for $to {
            fn from(word: $from) -> Self {
                match word {
                    $(<$from>::$word => Self::$word,)+
                }
            }
        }
    };
}

same_words!(order::Status => StatusView { PendingPayment, Processing, Authorized, Paid, Canceled });
same_words!(StatusView => order::Status { PendingPayment, Processing, Authorized, Paid, Canceled });
same_words!(order::ChargeModel => ChargeModelView { Destination, Separate, Direct });
same_words!(order::ReleaseType => ReleaseTypeView { Immediate, OnFulfillment, AfterPayment, AfterFulfillment });
same_words!(ReleaseTypeView => order::ReleaseType { Immediate, OnFulfillment, AfterPayment, AfterFulfillment });
same_words!(order_line::Kind => LineKindView { Item, Shipping, Tax });
same_words!(LineKindView => order_line::Kind { Item, Shipping, Tax });
same_words!(order_share::State => ShareStateView { Pending, Held, Releasable, Transferring, Transferred });
same_words!(order_share::HoldActor => HoldActorView { Seller, Buyer, Operator, Stripe });
