//! Authority is a type that an operation asks for. Each of these authenticates before anything else of the
//! request is read, if it is the operation's first argument, and is what the specification says about roles.

use std::ops::Deref;

use poem::{Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaSecurityScheme, Registry},
};

use super::{
    auth::authenticate,
    caller::{Caller, Role},
};

/// The one security scheme of the published specification.
pub(super) const SCHEME: &str = "bearer";

macro_rules! authorities {
    ($($(#[$doc:meta])* $name:ident = [$($role:ident),+];)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(Caller);

        impl $name {
            /// The roles that pass.
            pub const ROLES: &'static [Role] = &[$(Role::$role),+];

            /// Who is calling.
            #[must_use]
            pub fn into_caller(self) -> Caller {
                self.0
            }
        }

        impl Deref for $name {
            type Target = Caller;

            fn deref(&self) -> &Caller {
                &self.0
            }
        }

        impl<'a> ApiExtractor<'a> for $name {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut Registry) {
                register_scheme(registry);
            }

            // One requirement for each role, any of which will do; `spec::render` turns them into `bearer`
            // and `x-souk-roles`.
            fn security_schemes() -> Vec<&'static str> {
                Self::ROLES.iter().map(|role| role.name()).collect()
            }

            async fn from_request(
                request: &'a Request,
                _body: &mut RequestBody,
                _options: ExtractParamOptions<()>,
            ) -> poem::Result<Self> {
                Ok(Self(authenticate(request, Self::ROLES)?))
            }
        }
    )*};
}

authorities! {
    /// Operators alone: holds, rules, settings, the ledger, replays.
    OperatorOnly = [Operator];
    /// The marketplace itself: its operators and its backend.
    Backoffice = [Operator, Service];
    /// The back office or a seller; check with [`Caller::may_see_seller`] which one.
    BackofficeOrSeller = [Operator, Service, Seller];
    /// The back office or a buyer; check with [`Caller::may_see_buyer`] which one.
    BackofficeOrBuyer = [Operator, Service, Buyer];
    /// Anybody with a valid token; narrow what they see by [`Caller::seller`] and [`Caller::buyer`].
    AnyCaller = [Operator, Service, Seller, Buyer];
}

fn register_scheme(registry: &mut Registry) {
    registry.create_security_scheme(
        SCHEME,
        MetaSecurityScheme {
            ty: "http",
            description: Some(
                "A JWT with `iss`, `aud`, `exp`, `sub` and `role` (`operator`, `service`, `seller` or \
                 `buyer`). The `sub` of a seller's or buyer's token is their id. `x-souk-roles` of an \
                 operation says which roles may call it.",
            ),
            name: None,
            key_in: None,
            scheme: Some("bearer"),
            bearer_format: Some("JWT"),
            flows: None,
            openid_connect_url: None,
        },
    );
}
