//! A tokio socket with the traits of `futures-io`.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use ::tokio::net::TcpStream;

/// A tokio socket with the traits of `futures-io`.
#[derive(Debug)]
pub struct Stream(pub(super) TcpStream);

impl futures_io::AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, free: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut free = ReadBuf::new(free);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut free))?;
        Poll::Ready(Ok(free.filled().len()))
    }
}

impl futures_io::AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
