//! `GET /v1/users/me` beside the bare handler: what authentication, limits, headers and the log cost a read.

use crate::{
    load::{self, Client, turn},
    process::Server,
    rounds::{in_turn, latency, report},
    say,
    stage::Stage,
};

const CLIENTS: usize = 8;
const EACH: usize = 200;
const ROUNDS: usize = 20;

pub async fn compare(stage: &Stage, service: &Server, bare: &Server) -> anyhow::Result<()> {
    let (mut to_service, mut to_bare) = (Vec::new(), Vec::new());
    for (number, person) in stage.people.iter().take(CLIENTS).enumerate() {
        let token = load::access_token(service.address, number, person).await?;
        let me = load::get(service.address, number, "/v1/users/me", &token)?;
        to_service.push(Client::connect(service.address, me).await?);
        // The same headers, which the bare handler does not look at.
        let user = load::get(bare.address, number, &format!("/users/{}", person.id), &token)?;
        to_bare.push(Client::connect(bare.address, user).await?);
    }
    say(&format!("\nGET /v1/users/me; {CLIENTS} clients, {ROUNDS} rounds of {} requests a turn", CLIENTS * EACH));
    let (mut bare_latencies, mut latencies) = (Vec::new(), Vec::new());
    let rounds = in_turn(
        ROUNDS,
        async || turn(bare, &mut to_bare, EACH, &mut bare_latencies).await,
        async || turn(service, &mut to_service, EACH, &mut latencies).await,
    )
    .await?;
    say(&report(&rounds, "bare", "service", "requests"));
    say(&format!("  bare     {}", latency(&mut bare_latencies)));
    say(&format!("  service  {}", latency(&mut latencies)));
    Ok(())
}
