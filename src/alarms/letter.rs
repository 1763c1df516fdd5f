//! What an alarm's mail says: which kind, how many, and where to look. The whole address and the details stay where only
//! an administrator reads them: mail lies about in more places than one.

use std::net::IpAddr;

use time::{format_description::BorrowedFormatItem, macros::format_description};

use super::ledger::Due;
use crate::{security::client_address::ClientAddress, types::Timestamp};

const SECOND: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");

pub(super) fn subject(due: &Due) -> String {
    match due.told {
        1 => format!("Alarm: {}", due.kind),
        told => format!("Alarm: {}, {told} times", due.kind),
    }
}

/// ASCII and short lines, as all our mails.
pub(super) fn text(service: &str, due: &Due) -> String {
    let event = &due.event;
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
    format!(
        "{kind} at\n{service}\n\n\
         How many: {told} since {since}\n\n\
         The newest of them\n\
         When:      {at}\n\
         From:      {network}\n\
         Event:     {id}\n\
         Request:   {request}\n\
         Reference: {reference}\n\n\
         Look here what goes on, and end the sessions that should not be:\n{service}/watchtower\n\n\
         The next mail of this kind comes in a minute at the earliest.\n",
        kind = due.kind,
        told = due.told,
        since = clock(due.told_since),
        at = clock(event.at),
        network = or_none(event.client_address.as_deref().and_then(network)),
        id = event.id,
        request = or_none(event.request_id.map(|id| id.to_string())),
        reference = or_none(event.reference.clone()),
    )
}

fn clock(at: Timestamp) -> String {
    at.0.format(SECOND).unwrap_or_default()
}

fn network(address: &str) -> Option<String> {
    let address: IpAddr = address.parse().ok()?;
    Some(ClientAddress(address).masked().to_string())
}

#[cfg(test)]
mod tests {
    use sqlx::types::Json;
    use time::macros::datetime;
    use uuid::Uuid;

    use super::{super::ledger::Channel, *};
    use crate::security::audit::Recorded;

    fn due(told: i64) -> Due {
        let at = Timestamp(datetime!(2026-03-01 12:00:31 UTC));
        Due {
            channel: Channel::Mail,
            kind: "anomaly_credential_stuffing".to_owned(),
            delivery: Uuid::nil(),
            told,
            told_since: Timestamp(datetime!(2026-03-01 12:00 UTC)),
            event: Json(Recorded {
                id: Uuid::nil(),
                r#type: "anomaly_credential_stuffing".to_owned(),
                at,
                user_id: Some(Uuid::max()),
                client_address: Some("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff".to_owned()),
                request_id: Some(Uuid::nil()),
                reference: Some("err-2026-03-7k2m9x4q1b8d".to_owned()),
                details: serde_json::json!({ "accounts": 12 }),
            }),
            opened_at: at,
            attempts: 1,
        }
    }

    #[test]
    fn the_mail_says_what_how_many_and_where_to_look_and_not_who() {
        let text = text("https://a-rather-long-name.of-a-service.example.com", &due(1234));
        for told in [
            "How many: 1234 since 2026-03-01 12:00:00 UTC",
            "When:      2026-03-01 12:00:31 UTC",
            "From:      2001:db8:ffff::/48",
            "err-2026-03-7k2m9x4q1b8d",
            "https://a-rather-long-name.of-a-service.example.com/watchtower",
        ] {
            assert!(text.contains(told), "{told}: {text}");
        }
        assert!(!text.contains("ffff:ffff") && !text.contains(&Uuid::max().to_string()), "{text}");
        assert!(text.is_ascii() && text.lines().all(|line| line.len() <= 76), "{text}");
    }

    #[test]
    fn one_is_not_counted_in_the_subject() {
        assert_eq!(subject(&due(1)), "Alarm: anomaly_credential_stuffing");
        assert_eq!(subject(&due(10)), "Alarm: anomaly_credential_stuffing, 10 times");
    }
}
