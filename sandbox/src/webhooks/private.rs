//! The sandbox talks to loopback and private addresses only.

use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Whether a URL may be an endpoint's. Names are looked at again when they are resolved.
pub(crate) fn is_private_url(text: &str) -> bool {
    let Ok(url) = url::Url::parse(text) else { return false };
    url.scheme() == "http"
        && match url.host() {
            Some(url::Host::Ipv4(ip)) => is_private(IpAddr::V4(ip)),
            Some(url::Host::Ipv6(ip)) => is_private(IpAddr::V6(ip)),
            Some(url::Host::Domain(_)) => true,
            None => false,
        }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// Finds private addresses only.
pub(super) struct PrivateOnly;

impl Resolve for PrivateOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let private: Vec<SocketAddr> = found.filter(|addr| is_private(addr.ip())).collect();
            Ok(Box::new(private.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_and_other_schemes_are_no_endpoints() {
        assert!(is_private_url("http://127.0.0.1:8080/hooks"));
        assert!(is_private_url("http://192.168.1.4/hooks"));
        assert!(is_private_url("http://[::1]/hooks"));
        assert!(!is_private_url("http://8.8.8.8/hooks"));
        assert!(!is_private_url("https://127.0.0.1/hooks"));
        assert!(!is_private_url("ftp://127.0.0.1/"));
    }
}
