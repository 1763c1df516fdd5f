//! `GET /v1/users/me` beside the bare handler: what authentication, limits, headers and the log cost a read.

use crate::{
    load::{self, Client, turn},
    process::Server,
    rounds::Rounds,
    say,
    spread::latency,
    stage::Stage,
};

const CLIENTS: usize = 8;
const EACH: usize = 200;
const ROUNDS: usize = 20;

/// `control` is a second bare handler: two that are alike in everything show what noise does.
pub async fn compare(stage: &Stage, service: &Server, bare: &Server, control: &Server) -> anyhow::Result<()> {
    let (mut to_service, mut to_bare, mut to_control) = (Vec::new(), Vec::new(), Vec::new());
    for (number, person) in stage.people.iter().take(CLIENTS).enumerate() {
        let token = load::access_token(service.address, number, person).await?;
        let me = load::get(service.address, number, "/v1/users/me", &token)?;
        to_service.push(Client::connect(service.address, me).await?);
        for (server, clients) in [(bare, &mut to_bare), (control, &mut to_control)] {
            // The same headers, which the bare handler does not look at.
            let user = load::get(server.address, number, &format!("/users/{}", person.id), &token)?;
            clients.push(Client::connect(server.address, user).await?);
        }
    }
    say(&format!("\nGET /v1/users/me; {CLIENTS} clients, {ROUNDS} rounds of {} requests a turn", CLIENTS * EACH));
    let (mut bare_took, mut control_took, mut took) = (Vec::new(), Vec::new(), Vec::new());
    let rounds = Rounds::take(
        ROUNDS,
        async || turn(bare, &mut to_bare, EACH, &mut bare_took).await,
        async || turn(service, &mut to_service, EACH, &mut took).await,
        async || turn(control, &mut to_control, EACH, &mut control_took).await,
    )
    .await?;
    say(&rounds.report("bare", "service", "requests"));
    for (name, took) in [("bare", &mut bare_took), ("service", &mut took), ("bare too", &mut control_took)] {
        say(&format!("  {name:8} {}", latency(took)));
    }
    Ok(())
}
