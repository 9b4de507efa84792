//! The fixed rates at which the sandbox exchanges money.

use serde::{Deserialize, Serialize};

use crate::money::Currency;

macro_rules! rates {
    ($($code:ident: $worth:expr,)+) => {
        /// What one unit of each currency (not its minor unit) is worth, in millionths of a US dollar.
        ///
        /// A currency that is not in it is not exchanged: accounts hold it as it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct ExchangeRates {
            $(
                #[doc = concat!("The worth of one `", stringify!($code), "`.")]
                pub $code: i64,
            )+
        }

        impl Default for ExchangeRates {
            fn default() -> Self {
                Self { $($code: $worth,)+ }
            }
        }

        impl ExchangeRates {
            pub(crate) fn of(&self, currency: Currency) -> Option<i64> {
                match currency.as_str() {
                    $(stringify!($code) => Some(self.$code),)+
                    _ => None,
                }
            }
        }
    };
}

rates! {
    aed: 272_000,
    aud: 660_000,
    brl: 180_000,
    cad: 730_000,
    chf: 1_130_000,
    czk: 44_000,
    dkk: 147_000,
    eur: 1_100_000,
    gbp: 1_270_000,
    hkd: 128_000,
    huf: 2_800,
    inr: 12_000,
    jpy: 6_700,
    krw: 740,
    kwd: 3_250_000,
    mxn: 58_000,
    myr: 212_000,
    nok: 95_000,
    nzd: 610_000,
    pln: 255_000,
    ron: 221_000,
    sek: 96_000,
    sgd: 745_000,
    thb: 28_000,
    usd: 1_000_000,
}
