//! Uploads, and evidence made of them.

use reqwest::{Method, header};
use serde_json::json;

use crate::world::{World, text};

const BOUNDARY: &str = "----souk";
const PDF: &[u8] = b"%PDF-1.4\nnothing much";

fn body(fields: &[(&str, &str)], file: Option<(&str, &[u8])>) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                .bytes(),
        );
    }
    if let Some((name, bytes)) = file {
        let head = format!(
            "form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream"
        );
        body.extend(format!("--{BOUNDARY}\r\nContent-Disposition: {head}\r\n\r\n").bytes());
        body.extend_from_slice(bytes);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").bytes());
    body
}

struct Uploaded {
    status: u16,
    body: serde_json::Value,
}

async fn upload(world: &World, account: Option<&str>, body: Vec<u8>) -> Uploaded {
    let mut request = world
        .client()
        .post(format!("{}/v1/files", world.sandbox.url()))
        .bearer_auth("sk_test_shop")
        .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"))
        .body(body);
    if let Some(account) = account {
        request = request.header("stripe-account", account);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    Uploaded { status, body: serde_json::from_str(&answer.text().await.unwrap()).unwrap() }
}

#[tokio::test]
async fn a_file_is_uploaded_listed_and_read_back() {
    let world = World::start().await;
    let shop = world.shop();
    let fields = [("purpose", "dispute_evidence"), ("file_link_data[create]", "true")];
    let uploaded = upload(&world, None, body(&fields, Some(("receipt.pdf", PDF)))).await;
    assert_eq!(uploaded.status, 200, "{}", uploaded.body);
    let file = uploaded.body;
    assert_eq!(
        (&file["type"], &file["size"], &file["filename"], &file["purpose"]),
        (&json!("pdf"), &json!(21), &json!("receipt.pdf"), &json!("dispute_evidence"))
    );
    assert!(text(&file["links"]["data"][0]["id"]).starts_with("link_"));
    let path = format!("files/{}", text(&file["id"]));
    assert_eq!(shop.get(&path).await.ok(), file);
    let contents = shop.get(&format!("{path}/contents")).await;
    assert_eq!((contents.header("content-type"), contents.text.as_bytes()), ("application/pdf", PDF));
    assert_eq!(world.caller("sk_test_other").get(&format!("{path}/contents")).await.status, 404);
    assert_eq!(world.caller("pk_test_shop").get(&format!("{path}/contents")).await.status, 403);
    assert_eq!(shop.list("files?purpose=dispute_evidence").await.len(), 1);
    assert_eq!(shop.list("files?purpose=business_logo").await.len(), 0);
    assert_eq!(shop.get("files?purpose=holiday").await.refused(400)["param"], "purpose");
    assert_eq!(shop.event_types().await, ["file.created"]);
}

#[tokio::test]
async fn what_may_be_uploaded_depends_on_its_purpose() {
    let world = World::start().await;
    type Case<'a> = (&'a [(&'a str, &'a str)], Option<(&'a str, &'a [u8])>, &'a str);
    let cases: [Case<'_>; 5] = [
        (&[("purpose", "dispute_evidence")], None, "file"),
        (&[], Some(("a.pdf", PDF)), "purpose"),
        (&[("purpose", "holiday")], Some(("a.pdf", PDF)), "purpose"),
        (&[("purpose", "business_logo")], Some(("a.png", PDF)), "file"),
        (&[("purpose", "dispute_evidence"), ("colour", "red")], Some(("a.pdf", PDF)), "colour"),
    ];
    for (fields, file, param) in cases {
        let refused = upload(&world, None, body(fields, file)).await;
        assert_eq!((refused.status, &refused.body["error"]["param"]), (400, &json!(param)), "{fields:?}");
    }
    let mut large = PDF.to_vec();
    large.resize(5 * 1024 * 1024, 0);
    let fields = [("purpose", "dispute_evidence")];
    assert_eq!(upload(&world, None, body(&fields, Some(("a.pdf", &large)))).await.status, 200);
    large.push(0);
    assert_eq!(upload(&world, None, body(&fields, Some(("a.pdf", &large)))).await.status, 400);
}

#[tokio::test]
async fn evidence_refers_to_files_of_the_same_account_and_purpose() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let fields = [("purpose", "dispute_evidence")];
    let good = text(&upload(&world, None, body(&fields, Some(("a.pdf", PDF)))).await.body["id"]);
    let theirs = text(&upload(&world, Some(&seller), body(&fields, Some(("a.pdf", PDF)))).await.body["id"]);
    let fields = [("purpose", "identity_document")];
    let other = text(&upload(&world, None, body(&fields, Some(("a.pdf", PDF)))).await.body["id"]);
    let charge = text(&shop.pay(5000, &[]).await["latest_charge"]);
    let dispute = world.control(Method::POST, "disputes", json!({ "charge": charge })).await;
    let path = format!("disputes/{}?expand[]=evidence.receipt", text(&dispute["id"]));
    for wrong in [theirs.as_str(), other.as_str(), "file_none"] {
        let refused = shop.post(&path, &[("evidence[receipt]", wrong)]).await.refused(400);
        assert_eq!(refused["param"], "evidence[receipt]");
    }
    let kept = shop.post(&path, &[("evidence[receipt]", &good), ("submit", "false")]).await.ok();
    assert_eq!(kept["evidence"]["receipt"]["object"], "file");
}

#[tokio::test]
async fn an_upload_under_a_key_happens_once_and_another_file_is_another_request() {
    let world = World::start().await;
    let send = |bytes: &'static [u8]| {
        let request = world
            .client()
            .post(format!("{}/v1/files", world.sandbox.url()))
            .bearer_auth("sk_test_shop")
            .header("idempotency-key", "upload")
            .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"))
            .body(body(&[("purpose", "dispute_evidence")], Some(("a.pdf", bytes))));
        async move { request.send().await.unwrap() }
    };
    let first = send(PDF).await.text().await.unwrap();
    assert_eq!(send(PDF).await.text().await.unwrap(), first);
    let other: serde_json::Value =
        serde_json::from_str(&send(b"%PDF-1.4 another").await.text().await.unwrap()).unwrap();
    assert_eq!(other["error"]["type"], "idempotency_error");
    assert_eq!(world.shop().list("files").await.len(), 1);
}
