//! Currencies and amounts: integer minor units, never floats.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A lower-case ISO 4217 code that the sandbox takes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Currency([u8; 3]);

/// Currencies whose minor unit is the unit itself.
const ZERO_DECIMAL: &str = "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf";

/// Currencies with a thousandth as minor unit.
const THREE_DECIMAL: &str = "bhd jod kwd omr tnd";

const TWO_DECIMAL: &str = "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn \
    bzd cad cdf chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf \
    idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn \
    nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl \
    thb tjs top try ttd twd tzs uah usd uyu uzs wst xcd yer zar zmw";

/// The smallest charge per currency; one minor unit where Stripe names none.
const MINIMUM_CHARGE: &[(&str, i64)] = &[
    ("aed", 200),
    ("aud", 50),
    ("bgn", 100),
    ("brl", 50),
    ("cad", 50),
    ("chf", 50),
    ("czk", 1500),
    ("dkk", 250),
    ("eur", 50),
    ("gbp", 30),
    ("hkd", 400),
    ("huf", 17500),
    ("inr", 50),
    ("jpy", 50),
    ("mxn", 1000),
    ("myr", 200),
    ("nok", 300),
    ("nzd", 50),
    ("pln", 200),
    ("ron", 200),
    ("sek", 300),
    ("sgd", 50),
    ("thb", 1000),
    ("usd", 50),
];

/// The largest amount of one charge: eight digits.
pub(crate) const MAXIMUM_CHARGE: i64 = 99_999_999;

impl Currency {
    pub(crate) const USD: Self = Self(*b"usd");

    pub(crate) fn parse(code: &str) -> Option<Self> {
        let code = code.to_ascii_lowercase();
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        [TWO_DECIMAL, ZERO_DECIMAL, THREE_DECIMAL]
            .iter()
            .any(|list| list.split_ascii_whitespace().any(|known| known == code))
            .then_some(Self(bytes))
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// How many digits stand right of the point when people write an amount.
    pub(crate) fn decimals(self) -> u32 {
        let listed = |list: &str| list.split_ascii_whitespace().any(|known| known == self.as_str());
        if listed(ZERO_DECIMAL) {
            0
        } else if listed(THREE_DECIMAL) {
            3
        } else {
            2
        }
    }

    pub(crate) fn minimum_charge(self) -> i64 {
        MINIMUM_CHARGE.iter().find(|(code, _)| *code == self.as_str()).map_or(1, |(_, minimum)| *minimum)
    }

    /// What Stripe pays out in by default in a country.
    pub(crate) fn of_country(country: &str) -> Self {
        let code = match country {
            "GB" => "gbp",
            "AT" | "BE" | "CY" | "DE" | "EE" | "ES" | "FI" | "FR" | "GR" | "HR" | "IE" | "IT" | "LT"
            | "LU" | "LV" | "MT" | "NL" | "PT" | "SI" | "SK" => "eur",
            "CA" => "cad",
            "AU" => "aud",
            "NZ" => "nzd",
            "CH" | "LI" => "chf",
            "SE" => "sek",
            "NO" => "nok",
            "DK" => "dkk",
            "PL" => "pln",
            "CZ" => "czk",
            "RO" => "ron",
            "HU" => "huf",
            "BG" => "bgn",
            "JP" => "jpy",
            "SG" => "sgd",
            "HK" => "hkd",
            "MX" => "mxn",
            "BR" => "brl",
            "IN" => "inr",
            "TH" => "thb",
            "MY" => "myr",
            "AE" => "aed",
            _ => "usd",
        };
        Self::parse(code).unwrap_or(Self::USD)
    }

    /// An amount as people write it: `12.34 USD`.
    pub(crate) fn display(self, amount: i64) -> String {
        let decimals = self.decimals();
        let code = self.as_str().to_ascii_uppercase();
        if decimals == 0 {
            return format!("{amount} {code}");
        }
        let unit = 10_i64.pow(decimals);
        let sign = if amount < 0 { "-" } else { "" };
        let (whole, rest) = (amount.abs() / unit, amount.abs() % unit);
        format!("{sign}{whole}.{rest:0width$} {code}", width = decimals as usize)
    }
}

/// `part` of `whole` applied to `amount`, rounded half up. All three are not negative.
pub(crate) fn proportion(amount: i64, part: i64, whole: i64) -> i64 {
    if whole == 0 {
        return 0;
    }
    let (amount, part, whole) = (i128::from(amount), i128::from(part), i128::from(whole));
    i64::try_from((2 * amount * part + whole) / (2 * whole)).unwrap_or(i64::MAX)
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

crate::json::as_serde!(Currency);

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Self::parse(&code).ok_or_else(|| de::Error::custom("no such currency"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_with_the_digits_of_their_currency() {
        let written = |code: &str, amount| Currency::parse(code).unwrap().display(amount);
        assert_eq!(written("usd", 1234), "12.34 USD");
        assert_eq!(written("jpy", 1234), "1234 JPY");
        assert_eq!(written("kwd", -1234), "-1.234 KWD");
    }

    #[test]
    fn a_proportion_rounds_half_up() {
        assert_eq!(proportion(100, 1, 3), 33);
        assert_eq!(proportion(101, 1, 2), 51);
        assert_eq!(proportion(290, 0, 7), 0);
    }
}
