//! HTTP/1.1 by hand, on one connection; nothing parsed that is not needed. The benchmark of the service uses it too.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use crate::Failure;

pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    address: String,
}

pub(crate) struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self { stream: BufReader::with_capacity(32 * 1024, stream), address: address.to_owned() })
    }

    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> Result<Answer, Failure> {
        let (host, length) = (&self.address, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        self.stream.get_mut().write_all(request.as_bytes())?;

        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("no status line")?;
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, body })
    }
}

impl Answer {
    /// The answer, if it is of the 200s.
    pub(crate) fn ok(self) -> Result<Self, Failure> {
        if matches!(self.status, 200..=299) {
            return Ok(self);
        }
        Err(format!("{} {}", self.status, String::from_utf8_lossy(&self.body)).into())
    }

    /// The first text field of this name, which is the object's own for those that are asked for here.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let body = std::str::from_utf8(&self.body).ok()?;
        let (_, after) = body.split_once(&format!("\"{name}\":"))?;
        after.trim_start().strip_prefix('"')?.split('"').next()
    }
}
