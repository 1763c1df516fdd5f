//! A listener of ours, to see whether a target fetches what a stranger tells it to.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

use crate::{attempt::Attempt, case::Trouble};

pub struct Lure {
    url: String,
    visits: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Lure {
    /// Serves this JSON to whoever comes. The target must be on this machine, or it could not reach us.
    pub async fn open(attempt: &Attempt, body: &str) -> Result<Self, Trouble> {
        if !attempt.target.base.address.ip().is_loopback() {
            return Err(Trouble::Skipped("it is elsewhere and could not reach a listener of ours".to_owned()));
        }
        let broken = |error: std::io::Error| Trouble::Broken(format!("no listener of ours: {error}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(broken)?;
        let url = format!("http://{}/keys.json", listener.local_addr().map_err(broken)?);
        let visits = Arc::new(AtomicUsize::new(0));
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        let counted = Arc::clone(&visits);
        let serving = tokio::spawn(async move {
            while let Ok((mut visitor, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let mut request = [0; 2048];
                let _ = visitor.read(&mut request).await;
                let _ = visitor.write_all(answer.as_bytes()).await;
            }
        });
        Ok(Self { url, visits, serving })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn visits(&self) -> usize {
        self.visits.load(Ordering::Relaxed)
    }
}

impl Drop for Lure {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
