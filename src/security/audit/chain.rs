//! Whether the trail is still as it was written (ASVS 16.4.2).
//!
//! The database chains events as they are committed (migration 14): each hash covers the one before it, so that whoever
//! changes, removes or slips in a row must write every later hash of that month anew. That takes the owner of the
//! database, whom nothing in the database can stop. So the end of the chain also goes to the log once a minute: a hash
//! that was kept elsewhere does not agree with a chain that was written anew, nor with one that was cut short.

use std::{collections::HashMap, fmt};

use aws_lc_rs::digest::{Context, SHA256};
use sqlx::{PgConnection, PgPool};
use time::Date;
use uuid::Uuid;

/// Read at once: the trail may be larger than the memory.
const STEP: i64 = 5_000;
/// Findings that are listed; further ones are counted.
const LISTED: usize = 20;

/// A place in the chain and its hash. Whoever keeps one can prove later what the trail was then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub position: i64,
    pub hash: [u8; 32],
}

/// What was found.
#[derive(Default)]
pub struct Report {
    /// Events that are as they were written.
    pub sound: u64,
    pub from: Option<i64>,
    pub head: Option<Head>,
    /// In the order of the chain; [`LISTED`] at most.
    pub findings: Vec<Finding>,
    pub more: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The row is not what its hash was made from.
    Changed { position: i64, event: Uuid },
    /// The chain knows an event that is not there.
    Missing { position: i64, event: Uuid },
    /// Positions that should follow one another do not: rows of the chain were taken away.
    Gap { after: i64, before: i64 },
    /// An event that never went through the chain.
    Unchained { event: Uuid },
    /// A hash that was kept does not stand at its place: the chain was written anew, or ends before it.
    Rewritten { position: i64 },
}

struct Link {
    position: i64,
    month: Date,
    event_id: Uuid,
    hash: Vec<u8>,
    told: Option<String>,
}

/// Where the chain ends now.
pub async fn head(pool: &PgPool) -> sqlx::Result<Option<Head>> {
    let last = sqlx::query!("select position, hash from security_event_chain order by position desc limit 1");
    let last = last.fetch_optional(pool).await?;
    Ok(last.and_then(|last| Some(Head { position: last.position, hash: last.hash.try_into().ok()? })))
}

/// Reads the whole trail, and holds it against the hashes that were kept. In a transaction that sees one moment
/// (`database::ONE_MOMENT`): events that are added meanwhile would look like ones that the chain does not know.
pub async fn verify(tx: &mut PgConnection, kept: &[Head]) -> sqlx::Result<Report> {
    let mut walk = Walk { report: Report::default(), before: HashMap::new(), after: 0, kept: kept.to_vec() };
    loop {
        let links = links(tx, walk.after).await?;
        if links.is_empty() {
            break;
        }
        for link in &links {
            walk.step(link);
        }
    }
    for lost in std::mem::take(&mut walk.kept) {
        walk.report.find(Finding::Rewritten { position: lost.position });
    }
    for event in unchained(tx).await? {
        walk.report.find(Finding::Unchained { event });
    }
    Ok(walk.report)
}

/// The expression is written out, and not a function of the database: whoever changes rows could change that too.
async fn links(connection: &mut PgConnection, after: i64) -> sqlx::Result<Vec<Link>> {
    sqlx::query_as!(
        Link,
        r#"
        select chain.position, chain.month, chain.event_id, chain.hash,
               case when event.id is not null then
                   jsonb_build_array(
                       chain.position, event.id, (extract(epoch from event.at) * 1000000)::bigint, event.type,
                       event.user_id, event.client_address, event.request_id, event.reference, event.details
                   )::text
               end as told
        from security_event_chain chain
        left join security_events event on event.id = chain.event_id and event.at = chain.at
        where chain.position > $1
        order by chain.position
        limit $2
        "#,
        after,
        STEP,
    )
    .fetch_all(connection)
    .await
}

async fn unchained(connection: &mut PgConnection) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        select event.id
        from security_events event
        where not exists (
            select from security_event_chain chain
            where chain.event_id = event.id
        )
        order by event.id
        "#
    )
    .fetch_all(connection)
    .await
}

/// Goes along the chain.
struct Walk {
    report: Report,
    /// The last hash of each month. Where one ends, replicas whose clocks differ a little write into both.
    before: HashMap<Date, [u8; 32]>,
    after: i64,
    kept: Vec<Head>,
}

impl Walk {
    fn step(&mut self, link: &Link) {
        match self.report.from {
            // Months that were archived and dropped leave a gap only at the beginning.
            None => self.report.from = Some(link.position),
            Some(_) if link.position == self.after + 1 => {}
            Some(_) => self.report.find(Finding::Gap { after: self.after, before: link.position }),
        }
        let (position, event) = (link.position, link.event_id);
        let before = self.before.get(&link.month).unwrap_or(&[0; 32]);
        let hash: [u8; 32] = link.hash.as_slice().try_into().unwrap_or_default();
        match &link.told {
            None => self.report.find(Finding::Missing { position, event }),
            Some(told) if chained(before, told) != hash => {
                self.report.find(Finding::Changed { position, event });
            }
            Some(_) => self.report.sound += 1,
        }
        self.compare(Head { position, hash });
        // From the hash as it stands there: what follows is judged by itself, and one change is one finding.
        self.before.insert(link.month, hash);
        (self.after, self.report.head) = (position, Some(Head { position, hash }));
    }

    fn compare(&mut self, found: Head) {
        let here = |kept: &Head| kept.position == found.position;
        if self.kept.iter().any(|kept| here(kept) && kept.hash != found.hash) {
            self.report.find(Finding::Rewritten { position: found.position });
        }
        self.kept.retain(|kept| !here(kept));
    }
}

/// As the database computes it.
fn chained(before: &[u8; 32], told: &str) -> [u8; 32] {
    let mut hash = Context::new(&SHA256);
    hash.update(before);
    hash.update(told.as_bytes());
    hash.finish().as_ref().try_into().unwrap_or_default()
}

impl Report {
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, finding: Finding) {
        if self.findings.len() < LISTED {
            self.findings.push(finding);
        } else {
            self.more += 1;
        }
    }
}

impl Head {
    /// `1042:9f86d081…`, as [`Display`](fmt::Display) writes it and the log has it.
    pub fn parse(text: &str) -> Option<Self> {
        let (position, hash) = text.split_once(':')?;
        let hash = data_encoding::HEXLOWER.decode(hash.as_bytes()).ok()?;
        Some(Self { position: position.parse().ok()?, hash: hash.try_into().ok()? })
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.position, data_encoding::HEXLOWER.encode(&self.hash))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { position, event } => write!(f, "position {position}: event {event} was changed"),
            Self::Missing { position, event } => write!(f, "position {position}: event {event} is gone"),
            Self::Gap { after, before } => {
                write!(f, "the chain goes from {after} to {before}: what was between is gone")
            }
            Self::Unchained { event } => write!(f, "event {event} never went through the chain"),
            Self::Rewritten { position } => {
                write!(f, "position {position} is not as it was logged: the chain was written anew, or cut short")
            }
        }
    }
}
