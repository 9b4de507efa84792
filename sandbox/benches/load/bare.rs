//! The framework with one route: it reads JSON and answers JSON.

use poem::{
    EndpointExt, Route, Server, endpoint::make, listener::Acceptor, listener::Listener, listener::TcpListener,
};
use serde::{Deserialize, Serialize};

use crate::Failure;

#[derive(Deserialize)]
struct Asked {
    amount: i64,
    currency: String,
}

#[derive(Serialize)]
struct Answered {
    id: String,
    amount: i64,
    currency: String,
}

pub(crate) fn serve() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await?;
        let address = acceptor.local_addr().remove(0);
        let address = address.as_socket_addr().copied().ok_or("no address")?;
        println!("bare server on http://{address}");
        let echo = make(|mut request: poem::Request| async move {
            let bytes = request.take_body().into_bytes().await?;
            let asked: Asked = serde_json::from_slice(&bytes).map_err(poem::error::BadRequest)?;
            let answered = Answered { id: "pi_1".to_owned(), amount: asked.amount, currency: asked.currency };
            let body = serde_json::to_vec(&answered).map_err(poem::error::InternalServerError)?;
            Ok::<_, poem::Error>(poem::Response::builder().content_type("application/json").body(body))
        });
        let app = Route::new().at("/echo", echo.boxed());
        Server::new_with_acceptor(acceptor).run(app).await.map_err(Failure::from)
    })
}
