//! `/docs`: the specification as a page for people. Swagger UI comes out of the binary, so the page needs no
//! network; the policy that is sent with it forbids it any.

use bytes::Bytes;
use poem::{Endpoint, Response, endpoint::make_sync};
use poem_openapi::OpenApiService;

/// Inline scripts and styles are the page itself; "try it out" may call this service and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                      img-src data:; font-src data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// What Swagger UI's own page lacks: a width for phones, and a name.
const HEAD: &str = r#"<meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Souk API</title>"#;

/// Goes behind Swagger UI's own styles: no margins where there is no room, no column for links (we have none),
/// and long paths break.
const BODY: &str = r#"<style>
    body { margin: 0; }
    .swagger-ui .info { margin: 24px 0; }
    .swagger-ui .scheme-container { padding: 12px 0; }
    .swagger-ui .response-col_links { display: none; }
    @media (max-width: 640px) {
        .swagger-ui .wrapper { padding: 0 10px; }
        .swagger-ui .opblock .opblock-summary-path { max-width: 100%; overflow-wrap: anywhere; }
        .swagger-ui .opblock .opblock-section-header { padding: 8px 10px; }
        .swagger-ui .table-container, .swagger-ui .responses-inner { padding: 10px; overflow-x: auto; }
    }
</style>
<div id="ui"></div>"#;

/// Serves the page for a rendered specification.
pub fn endpoint(spec_json: &str) -> impl Endpoint<Output = Response> + use<> {
    let page = Bytes::from(page(spec_json));
    make_sync(move |_| {
        Response::builder()
            .content_type("text/html; charset=utf-8")
            .header("Content-Security-Policy", POLICY)
            .header("X-Content-Type-Options", "nosniff")
            .body(page.clone())
    })
}

/// The framework fills its page with the specification as it collected it; ours is the rendered one. So a
/// page about nothing is made, and its specification replaced.
fn page(spec_json: &str) -> String {
    let nothing = OpenApiService::new((), "", "");
    // In a script, a closing tag would end it wherever it stands.
    let spec_json = spec_json.replace("</", "<\\/");
    let page = nothing.swagger_ui_html().replacen("<title>Swagger UI</title>", HEAD, 1);
    let page = page.replacen(r#"<div id="ui"></div>"#, BODY, 1).replacen(&nothing.spec(), &spec_json, 1);
    format!("<!doctype html>{page}")
}

#[cfg(test)]
mod tests {
    use poem::Request;

    use super::*;

    #[tokio::test]
    async fn the_page_holds_the_specification_and_loads_nothing() {
        let spec = r#"{"openapi": "3.0.0", "info": {"title": "</script>"}, "paths": {"/v1/x": {}}}"#;
        let response = endpoint(spec).get_response(Request::default()).await;
        assert!(response.header("Content-Security-Policy").is_some_and(|csp| csp.contains("'none'")));
        let page = response.into_body().into_string().await.unwrap();
        assert!(page.contains(r#"let spec = {"openapi": "3.0.0", "info": {"title": "<\/script>"}"#));
        assert!(page.starts_with("<!doctype html>"));
        assert!(page.contains("width=device-width") && page.contains("</style>\n<div id=\"ui\">"));
        assert!(!page.contains("<script src") && !page.contains("<link"));
    }
}
