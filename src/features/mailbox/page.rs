//! The mails as a page. It needs no script; whatever was not written here is escaped.

use std::fmt::Write;

use super::folder::{MOST, Mail};

pub fn of(mails: &[Mail]) -> String {
    let mut list = String::new();
    for mail in mails {
        // Writing to a String cannot fail.
        let _ = write_mail(&mut list, mail);
    }
    if mails.is_empty() {
        list.push_str("<p>No mail yet. Register at <a href=\"/docs\">/docs</a>, and one is here in a moment.</p>\n");
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Mailbox</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<link rel=\"stylesheet\" href=\"/dev/mailbox.css\">\n</head>\n<body>\n\
         <header>\n<h1>Mailbox</h1>\n\
         <p>What the service has sent, newest first, {MOST} at most. In development a mail goes into a folder and nowhere \
         else.</p>\n\
         <nav aria-label=\"Mailbox\"><a href=\"/dev/mailbox\">Look again</a> \
         <a href=\"/dev/mailbox.json\">As JSON</a> <a href=\"/docs\">Reference</a></nav>\n\
         </header>\n<main>\n{list}</main>\n</body>\n</html>\n"
    )
}

fn write_mail(list: &mut String, mail: &Mail) -> std::fmt::Result {
    let Mail { id, at, to, subject, token, text } = mail;
    let (to, subject, text) = (escape(to), escape(subject), escape(text));
    // For a person; a machine reads the attribute.
    let when = at.to_string().replace('T', " ");
    let when = when.split(['.', 'Z']).next().unwrap_or_default();
    write!(
        list,
        "<article aria-labelledby=\"mail-{id}\">\n<h2 id=\"mail-{id}\">{subject}</h2>\n\
         <dl>\n<div><dt>To</dt><dd>{to}</dd></div>\n\
         <div><dt>At</dt><dd><time datetime=\"{at}\">{when} UTC</time></dd></div>\n"
    )?;
    if let Some(token) = token {
        writeln!(list, "<div><dt>Token</dt><dd><code>{}</code></dd></div>", escape(token))?;
    }
    writeln!(list, "</dl>\n<pre>{text}</pre>\n</article>")
}

/// For text between tags and within double quotes (ASVS 1.2.1): the five that mean something there.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;
    use crate::types::Timestamp;

    fn page(text: &str) -> String {
        let at = Timestamp(datetime!(2026-03-01 12:00 UTC));
        let [to, subject, text] = [(); 3].map(|()| text.to_owned());
        of(&[Mail { id: Uuid::nil(), at, to, subject, token: Some(text.clone()), text }])
    }

    #[test]
    fn whatever_stands_in_a_mail_stays_text() {
        let hostile = "\"><script>alert(1)</script><img src=x onerror='alert(1)'>&lt;";
        let (page, plain) = (page(hostile), page("plain"));
        for meaningful in ["<", ">", "\"", "'"] {
            let count = |page: &str| page.matches(meaningful).count();
            assert_eq!(count(&page), count(&plain), "{meaningful} that we did not write: {page}");
        }
        assert_eq!((page.matches("&lt;script&gt;").count(), page.matches("&amp;lt;").count()), (4, 4));
    }
}
