//! What `souk dev` keeps in its data directory beside the database: secrets of its own, and `dev.json` for
//! scripts.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use souk::seal::{Seal, SealError};

/// Secrets that live as long as the data directory.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Secrets {
    /// Signs the tokens.
    pub(crate) jwt_secret: String,
    /// `SOUK_DATA_KEY`.
    pub(crate) data_key: String,
    /// The webhook endpoints that were registered.
    #[serde(default)]
    pub(crate) endpoints: Vec<Endpoint>,
}

/// A webhook endpoint that was registered.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Endpoint {
    /// `we_...`
    pub(crate) id: String,
    /// Where it delivers.
    pub(crate) url: String,
    /// What it signs with.
    pub(crate) secret: String,
}

/// `dev.json`: all that a script needs to talk to a running `souk dev`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DevFile {
    /// Where the API is.
    pub(crate) api: String,
    /// Where the sandbox is; not there if Stripe itself is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sandbox: Option<String>,
    /// Opens the platform at the sandbox; a key of Stripe's own is not written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stripe_secret_key: Option<String>,
    /// What buyers' apps get.
    pub(crate) stripe_publishable_key: String,
    /// What the webhook endpoints sign with.
    pub(crate) webhook_secrets: WebhookSecrets,
    /// A token for each role.
    pub(crate) tokens: Tokens,
    /// Whom the seller's token names.
    pub(crate) seller_id: String,
    /// Whom the buyer's token names.
    pub(crate) buyer_id: String,
}

/// By endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WebhookSecrets {
    pub(crate) platform: Vec<String>,
    pub(crate) connect: Vec<String>,
}

/// By role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Tokens {
    pub(crate) operator: String,
    pub(crate) service: String,
    pub(crate) seller: String,
    pub(crate) buyer: String,
}

/// The state of a data directory can't be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    #[error("{}: {error}", .path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("{} can't be read: {error}", .path.display())]
    Json { path: PathBuf, error: serde_json::Error },
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl Secrets {
    /// The secrets of a data directory.
    pub(crate) fn read(dir: &Path) -> Result<Self, StateError> {
        read(&dir.join("secrets.json"))
    }

    /// The secrets of a data directory, made if it has none.
    pub(crate) fn read_or_make(dir: &Path) -> Result<Self, StateError> {
        match Self::read(dir) {
            Err(StateError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                let (jwt_secret, data_key) = (Seal::generate_key()?, Seal::generate_key()?);
                let secrets = Self { jwt_secret, data_key, endpoints: Vec::new() };
                secrets.write(dir)?;
                Ok(secrets)
            }
            found => found,
        }
    }

    /// Keeps the secrets, readable to their owner only.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), StateError> {
        write(&dir.join("secrets.json"), self)
    }
}

impl DevFile {
    /// The file of a data directory.
    pub(crate) fn read(dir: &Path) -> Result<Self, StateError> {
        read(&Self::path(dir))
    }

    /// Keeps the file, readable to its owner only: it holds tokens.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), StateError> {
        write(&Self::path(dir), self)
    }

    /// Where it is.
    pub(crate) fn path(dir: &Path) -> PathBuf {
        dir.join("dev.json")
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, StateError> {
    let text = fs::read(path).map_err(|error| StateError::Io { path: path.to_owned(), error })?;
    serde_json::from_slice(&text).map_err(|error| StateError::Json { path: path.to_owned(), error })
}

/// Writes beside and renames, so that a crash leaves the old file or the new one.
fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), StateError> {
    let failed = |error| StateError::Io { path: path.to_owned(), error };
    let text = serde_json::to_vec_pretty(value)
        .map_err(|error| StateError::Json { path: path.to_owned(), error })?;
    let new = path.with_extension("json.new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new).map_err(failed)?;
    io::Write::write_all(&mut file, &text).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    fs::rename(&new, path).map_err(failed)
}
