//! Connections that can be cut: a fault may want the caller to get no answer at all.

use std::{
    collections::HashSet,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use poem::{
    http::uri::Scheme,
    listener::Acceptor,
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

/// The callers whose connections are to be cut.
#[derive(Clone, Default)]
pub(crate) struct Severed(Arc<Mutex<HashSet<String>>>);

impl Severed {
    /// Whatever is written to this caller from now on is lost, and the connection with it.
    pub(crate) fn cut(&self, remote: &RemoteAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(remote.to_string());
    }

    fn contains(&self, remote: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(remote)
    }

    fn forget(&self, remote: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(remote);
    }
}

/// Accepts TCP connections that can be cut.
pub(crate) struct CuttableAcceptor {
    pub(crate) listener: TcpListener,
    pub(crate) severed: Severed,
}

impl Acceptor for CuttableAcceptor {
    type Io = Cuttable;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.listener.local_addr().map(|addr| LocalAddr(addr.into())).into_iter().collect()
    }

    async fn accept(&mut self) -> io::Result<(Self::Io, LocalAddr, RemoteAddr, Scheme)> {
        let (stream, remote) = self.listener.accept().await?;
        stream.set_nodelay(true)?;
        let local = LocalAddr(stream.local_addr()?.into());
        let remote = RemoteAddr(remote.into());
        let io = Cuttable { stream, remote: remote.to_string(), severed: self.severed.clone() };
        Ok((io, local, remote, Scheme::HTTP))
    }
}

/// A connection.
pub(crate) struct Cuttable {
    stream: TcpStream,
    remote: String,
    severed: Severed,
}

impl Drop for Cuttable {
    fn drop(&mut self) {
        self.severed.forget(&self.remote);
    }
}

impl AsyncRead for Cuttable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.severed.contains(&self.remote) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
