//! Encrypts what must be kept but not read by whoever reads the database: raw events, stored replies and
//! client secrets. XChaCha20-Poly1305 under `SOUK_DATA_KEY`, a random nonce before each ciphertext; the
//! associated data binds it to its row, so that no ciphertext can be moved to another.

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use rand::TryRngCore;

const NONCE_BYTES: usize = 24;

/// Seals and opens bytes.
#[derive(Clone)]
pub struct Seal(XChaCha20Poly1305);

/// Why bytes could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// `SOUK_DATA_KEY` is not 64 hexadecimal digits.
    #[error("SOUK_DATA_KEY must be 32 bytes, written as 64 hexadecimal digits")]
    Key,
    /// The operating system gave no randomness.
    #[error("no randomness to be had")]
    Randomness,
    /// Sealed under another key, for another row, or damaged.
    #[error("sealed bytes can't be opened: another SOUK_DATA_KEY, or damaged data")]
    Open,
}

impl Seal {
    /// Takes the key as 64 hexadecimal digits.
    pub fn from_hex(key: &str) -> Result<Self, SealError> {
        let bytes = hex::decode(key.trim()).map_err(|_| SealError::Key)?;
        XChaCha20Poly1305::new_from_slice(&bytes).map(Self).map_err(|_| SealError::Key)
    }

    /// A new random key, as 64 hexadecimal digits.
    pub fn generate_key() -> Result<String, SealError> {
        let mut key = [0; 32];
        rand::rngs::OsRng.try_fill_bytes(&mut key).map_err(|_| SealError::Randomness)?;
        Ok(hex::encode(key))
    }

    /// Seals `plain` for the row named by `row`.
    pub fn seal(&self, row: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut sealed = vec![0; NONCE_BYTES];
        rand::rngs::OsRng.try_fill_bytes(&mut sealed).map_err(|_| SealError::Randomness)?;
        let nonce = XNonce::try_from(&sealed[..]).map_err(|_| SealError::Randomness)?;
        let payload = Payload { msg: plain, aad: row.as_bytes() };
        sealed.extend(self.0.encrypt(&nonce, payload).map_err(|_| SealError::Key)?);
        Ok(sealed)
    }

    /// Opens what [`Seal::seal`] made for the same row.
    pub fn open(&self, row: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, cipher) = sealed.split_at_checked(NONCE_BYTES).ok_or(SealError::Open)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| SealError::Open)?;
        self.0.decrypt(&nonce, Payload { msg: cipher, aad: row.as_bytes() }).map_err(|_| SealError::Open)
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal() -> Seal {
        Seal::from_hex(&Seal::generate_key().unwrap()).unwrap()
    }

    #[test]
    fn what_is_sealed_can_be_opened_by_its_own_row_only() {
        let seal = seal();
        let sealed = seal.seal("evt_1", b"secret").unwrap();
        assert_eq!(seal.open("evt_1", &sealed), Ok(b"secret".to_vec()));
        assert_eq!(seal.open("evt_2", &sealed), Err(SealError::Open));
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
    }

    #[test]
    fn another_key_or_damage_is_an_error_not_garbage() {
        let (seal, mut sealed) = (seal(), seal().seal("r", b"x").unwrap());
        assert_eq!(seal.open("r", &sealed), Err(SealError::Open));
        sealed.truncate(3);
        assert_eq!(seal.open("r", &sealed), Err(SealError::Open));
    }

    #[test]
    fn a_key_is_32_bytes_in_hexadecimal() {
        for key in ["", "00", "zz", &"0".repeat(63), &"0".repeat(66)] {
            assert_eq!(Seal::from_hex(key).err(), Some(SealError::Key), "{key:?}");
        }
    }
}
