//! Clients that keep their connections: each waits for its answer before it asks again.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpStream, task::JoinSet};

use crate::{
    process::Server,
    rounds::Turn,
    stage::{PASSWORD, Person},
};

pub type Ask = Request<Full<Bytes>>;

pub struct Answer {
    pub status: StatusCode,
    pub body: Bytes,
    pub took: Duration,
}

/// One connection, and the one request that is sent over it.
pub struct Client {
    line: SendRequest<Full<Bytes>>,
    ask: Ask,
}

impl Client {
    pub async fn connect(server: SocketAddr, ask: Ask) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(server).await.context("connect")?;
        stream.set_nodelay(true)?;
        let (line, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { line, ask })
    }

    /// From now on somebody else's.
    pub fn come_from(&mut self, address: IpAddr) -> anyhow::Result<()> {
        self.ask.headers_mut().insert("x-forwarded-for", address.to_string().parse()?);
        Ok(())
    }

    pub async fn send(&mut self) -> anyhow::Result<Answer> {
        let ask = self.ask.clone();
        self.line.ready().await.context("the server closed a connection")?;
        let sent = Instant::now();
        let response = self.line.send_request(ask).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: head.status, body, took: sent.elapsed() })
    }
}

/// All clients at once, `each` requests one after the other. An answer other than 200 ends the run: a server that
/// refuses is fast, and no ratio should come of that.
pub async fn turn(
    server: &Server,
    clients: &mut Vec<Client>,
    each: usize,
    latencies: &mut Vec<Duration>,
) -> anyhow::Result<Turn> {
    let (mut tasks, used, begun) = (JoinSet::new(), server.processor()?, Instant::now());
    for mut client in clients.drain(..) {
        tasks.spawn(async move {
            let mut took = Vec::with_capacity(each);
            for _ in 0..each {
                let answer = client.send().await?;
                ensure!(answer.status == StatusCode::OK, "{}: {:?}", answer.status, answer.body);
                took.push(answer.took);
            }
            anyhow::Ok((client, took))
        });
    }
    while let Some(done) = tasks.join_next().await {
        let (client, took) = done??;
        clients.push(client);
        latencies.extend(took);
    }
    let (elapsed, processor) = (begun.elapsed(), server.processor()?.saturating_sub(used));
    Ok(Turn { count: clients.len() * each, elapsed, processor })
}

/// Headers as a proxy in front would send them; the number gives each client an address of its own.
fn ask(server: SocketAddr, number: usize) -> hyper::http::request::Builder {
    let address = format!("10.0.{}.{}", number / 250, number % 250 + 1);
    Request::builder().header("host", server.to_string()).header("x-forwarded-for", address)
}

pub fn get(server: SocketAddr, number: usize, path: &str, token: &str) -> anyhow::Result<Ask> {
    let ask = ask(server, number).uri(path).header("authorization", format!("Bearer {token}"));
    Ok(ask.body(Full::default())?)
}

pub fn login(server: SocketAddr, number: usize, person: &Person) -> anyhow::Result<Ask> {
    let body = json!({ "email": person.email, "password": PASSWORD });
    post(server, number, "/v1/auth/login", &body, None)
}

pub fn post(server: SocketAddr, number: usize, path: &str, body: &Value, token: Option<&str>) -> anyhow::Result<Ask> {
    let mut ask = ask(server, number).method(Method::POST).uri(path).header("content-type", "application/json");
    if let Some(token) = token {
        ask = ask.header("authorization", format!("Bearer {token}"));
    }
    Ok(ask.body(Full::from(body.to_string()))?)
}

/// Signs in, for the access token.
pub async fn access_token(server: SocketAddr, number: usize, person: &Person) -> anyhow::Result<String> {
    let answer = Client::connect(server, login(server, number, person)?).await?.send().await?;
    ensure!(answer.status == StatusCode::OK, "login: {}", answer.status);
    let tokens: serde_json::Value = serde_json::from_slice(&answer.body)?;
    Ok(tokens["access_token"].as_str().context("no access token")?.to_owned())
}
