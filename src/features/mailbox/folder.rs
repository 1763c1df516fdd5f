//! The folder that `mail::Sender` fills in development, read back. No name that a client sends reaches the file system:
//! what is opened was found by listing the folder.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::types::Timestamp;

/// So many are shown. However full the folder is, no more is held than this.
pub const MOST: usize = 50;
/// Ours are below one KiB; whatever else lies there is cut.
const LONGEST: u64 = 64 * 1024;
/// How a token begins (`session_token`), on a line of its own.
const TOKEN: &str = "dbt_";

/// A mail, as it was sent.
#[derive(Debug, Serialize)]
pub struct Mail {
    pub id: Uuid,
    pub at: Timestamp,
    pub to: String,
    pub subject: String,
    /// What the flow goes on with, where the mail bears one.
    pub token: Option<String>,
    pub text: String,
}

/// Newest first. Files are named by ids that are made from the time, so nothing is opened to find out which those are.
pub fn newest(folder: &Path) -> io::Result<Vec<Mail>> {
    let mut newest = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let Some(id) = id(&entry?.path()) else { continue };
        newest.insert(id);
        if newest.len() > MOST {
            newest.pop_first();
        }
    }
    // One that was deleted meanwhile is left out.
    Ok(newest.into_iter().rev().filter_map(|id| read(folder, id)).collect())
}

fn id(path: &Path) -> Option<Uuid> {
    let is_mail = path.extension().is_some_and(|ending| ending == "eml");
    let id: Uuid = path.file_stem().filter(|_| is_mail)?.to_str()?.parse().ok()?;
    (id.get_version_num() == 7).then_some(id)
}

fn read(folder: &Path, id: Uuid) -> Option<Mail> {
    let path = folder.join(format!("{id}.eml"));
    // A link that somebody put there could lead anywhere.
    if !fs::symlink_metadata(&path).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LONGEST).read_to_end(&mut bytes).ok()?;
    parse(id, &String::from_utf8_lossy(&bytes))
}

/// Of a message in plain text (RFC 5322), as `mail::worker` writes them.
fn parse(id: Uuid, mail: &str) -> Option<Mail> {
    let mail = mail.replace("\r\n", "\n");
    let (head, body) = mail.split_once("\n\n").unwrap_or((&mail, ""));
    // Only where the service's own address makes a line longer than 76 letters.
    let encoded = header(head, "Content-Transfer-Encoding") == "quoted-printable";
    let text = if encoded { decode(body) } else { body.to_owned() };
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    let at = OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()?;
    let token = text.lines().find(|line| line.starts_with(TOKEN));
    Some(Mail {
        id,
        at: Timestamp(at.replace_nanosecond(nanos).ok()?),
        to: header(head, "To"),
        subject: header(head, "Subject"),
        token: token.map(ToOwned::to_owned),
        text,
    })
}

/// RFC 2045 section 6.7: a line that ends in `=` goes on, and `=3D` is an equals sign. Nothing else of ours needs it.
fn decode(text: &str) -> String {
    text.replace("=\n", "").replace("=3D", "=")
}

/// Lines that begin with a space go on with the one before.
fn header(head: &str, name: &str) -> String {
    let unfolded = head.replace("\n ", " ").replace("\n\t", " ");
    let mut fields = unfolded.lines().filter_map(|line| line.split_once(": "));
    fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map_or_else(String::new, |(_, value)| value.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn id_of(number: u128) -> Uuid {
        // 2026-03-01 12:00 UTC and so many milliseconds.
        uuid::Builder::from_unix_timestamp_millis(1_772_366_400_000 + u64::try_from(number).unwrap(), &[7; 10])
            .into_uuid()
    }

    fn put(folder: &Path, id: Uuid, mail: &str) {
        fs::write(folder.join(format!("{id}.eml")), mail).unwrap();
    }

    #[test]
    fn of_a_folder_that_is_full_the_last_fifty_are_shown_newest_first() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..120 {
            put(folder.path(), id_of(number), &format!("To: {number}@example.com\r\nSubject: x\r\n\r\ntext\r\n"));
        }
        let shown: Vec<_> = newest(folder.path()).unwrap().into_iter().map(|mail| mail.to).collect();
        let expected: Vec<_> = (70..120).rev().map(|number| format!("{number}@example.com")).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_mail_is_told_by_its_fields_and_its_token_stands_apart() {
        let text = "Subject: not this one\r\n\r\n  dbt_not-this\r\ndbt_this\r\n";
        let mail = format!("From: a\r\nSubject: A long\r\n one\r\nto: ada@example.com\r\n\r\n{text}");
        let mail = parse(id_of(250), &mail).unwrap();
        assert_eq!((mail.to.as_str(), mail.subject.as_str()), ("ada@example.com", "A long one"));
        assert_eq!(mail.token.as_deref(), Some("dbt_this"));
        assert_eq!(mail.text, text.replace('\r', ""));
        assert_eq!(mail.at.to_string(), "2026-03-01T12:00:00.25Z");
        assert_eq!(parse(id_of(0), "To: a\n\nno token").unwrap().token, None);
        let encoded = "Content-Transfer-Encoding: quoted-printable\r\n\r\nhttps://example.com/?a=3D=\r\nb\r\n";
        assert_eq!(parse(id_of(0), encoded).unwrap().text, "https://example.com/?a=b\n");
    }

    #[test]
    fn nothing_but_mails_of_ours_is_opened() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let secret = outside.path().join("secret");
        fs::write(&secret, "To: canary\n\ncanary").unwrap();
        symlink(&secret, folder.path().join(format!("{}.eml", id_of(1)))).unwrap();
        fs::create_dir(folder.path().join(format!("{}.eml", id_of(2)))).unwrap();
        for name in [".hidden.eml", "notes.eml", "../x.eml", "ffffffff-ffff-ffff-ffff-ffffffffffff.eml"] {
            let _ = fs::write(folder.path().join(name), "To: canary\n\ncanary");
        }
        fs::write(folder.path().join(format!(".{}", id_of(3))), "half a mail").unwrap();
        fs::write(folder.path().join(format!("{}.txt", id_of(4))), "To: canary\n\ncanary").unwrap();
        let shown = newest(folder.path()).unwrap();
        assert!(shown.is_empty(), "{shown:?}");
    }

    #[test]
    fn whatever_else_lies_there_takes_no_mails_place() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), id_of(1), "To: ada@example.com\r\n\r\ntext\r\n");
        for number in 2..100 {
            fs::write(folder.path().join(format!("{}.txt", id_of(number))), "a note").unwrap();
            fs::write(folder.path().join(format!("{}.eml", Uuid::from_u128(u128::MAX - number))), "no time").unwrap();
        }
        let shown: Vec<_> = newest(folder.path()).unwrap().into_iter().map(|mail| mail.to).collect();
        assert_eq!(shown, ["ada@example.com"]);
    }

    #[test]
    fn a_file_that_is_far_too_long_or_not_text_is_cut_and_does_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), id_of(1), &format!("To: long@example.com\r\n\r\n{}", "x".repeat(1 << 20)));
        fs::write(folder.path().join(format!("{}.eml", id_of(2))), [0xff; 64]).unwrap();
        put(folder.path(), id_of(3), "");
        let shown = newest(folder.path()).unwrap();
        assert_eq!(shown.len(), 3);
        assert!(shown.iter().all(|mail| mail.text.len() as u64 <= LONGEST));
    }
}
