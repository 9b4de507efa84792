//! Which handler answers which method and path. Every resource brings its own list.

use super::{
    call::{Answer, Call},
    keys::KeyKind,
};
use crate::resources;

pub(crate) type Handler = fn(&mut Call<'_, '_>) -> Answer;

/// One operation.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) handler: Handler,
    publishable: bool,
}

impl Route {
    pub(crate) const fn get(path: &'static str, handler: Handler) -> Self {
        Self { method: "GET", path, handler, publishable: false }
    }

    pub(crate) const fn post(path: &'static str, handler: Handler) -> Self {
        Self { method: "POST", path, handler, publishable: false }
    }

    pub(crate) const fn delete(path: &'static str, handler: Handler) -> Self {
        Self { method: "DELETE", path, handler, publishable: false }
    }

    /// Publishable keys may call it too.
    pub(crate) const fn also_publishable(self) -> Self {
        Self { publishable: true, ..self }
    }

    pub(crate) fn admits(&self, key: KeyKind) -> bool {
        self.publishable || key == KeyKind::Secret
    }

    /// The variable parts of `path`, if it is this route's.
    fn matches(&self, path: &str) -> Option<Vec<String>> {
        // Nearly all routes are another's: what stands before the first variable part tells.
        if !self.path.split('{').next().is_some_and(|start| path.starts_with(start)) {
            return None;
        }
        let mut args = Vec::new();
        let (mut pattern, mut actual) = (self.path.split('/'), path.split('/'));
        loop {
            match (pattern.next(), actual.next()) {
                (None, None) => return Some(args),
                (Some(expected), Some(given)) if expected.starts_with('{') && !given.is_empty() => {
                    args.push(given.to_owned());
                }
                (Some(expected), Some(given)) if expected == given => {}
                _ => return None,
            }
        }
    }
}

/// The operation that a request names, and the variable parts of its path.
pub(crate) fn find(method: &str, path: &str) -> Option<(Route, Vec<String>)> {
    let path = path.strip_suffix('/').unwrap_or(path);
    resources::ROUTES
        .iter()
        .flat_map(|routes| routes.iter())
        .filter(|route| route.method == method)
        .find_map(|route| route.matches(path).map(|args| (*route, args)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_finds_its_operation_and_its_variable_parts() {
        let (route, args) = find("POST", "/v1/payment_intents/pi_1/confirm").unwrap();
        assert_eq!(route.path, "/v1/payment_intents/{id}/confirm");
        assert_eq!(args, ["pi_1"]);
        assert!(find("DELETE", "/v1/charges").is_none());
        assert!(find("GET", "/v1/charges/ch_1/more").is_none());
    }

    #[test]
    fn no_operation_is_listed_twice() {
        let mut all: Vec<_> =
            resources::ROUTES.iter().flat_map(|routes| routes.iter()).map(|r| (r.method, r.path)).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
