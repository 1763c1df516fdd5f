//! What is answered to a command line that is not understood: one sentence and exit code 2, for people and for scripts.

use std::process::ExitCode;

use clap::error::ErrorKind;

use super::hint;

/// Used wrongly, as opposed to 1: it was understood, and failed.
const WRONG_USE: u8 = 2;

/// Help and version were asked for, and go to standard output; everything else is one line of complaint.
pub fn answer(refusal: &clap::Error) -> ExitCode {
    if matches!(refusal.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // Coloured where a person looks, and NO_COLOR is not set. A pipe whose reader has left is no failure of ours.
        let _ = refusal.print();
        return ExitCode::SUCCESS;
    }
    hint(&format!("drawbridge: {}; `--help` says more", sentence(&refusal.render().to_string())));
    ExitCode::from(WRONG_USE)
}

/// clap's complaint and its tips, without its reminders of how it is used. What was typed can hold line breaks and worse: those
/// become spaces.
fn sentence(complaint: &str) -> String {
    let said = ["\n\nUsage:", "\n\nFor more information"]
        .iter()
        .fold(complaint, |said, reminder| said.split(reminder).next().unwrap_or_default());
    let said = said.strip_prefix("error: ").unwrap_or(said).replace("\n\n  tip: ", "; ");
    let plain = said.replace(|letter: char| letter.is_control(), " ");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_of_several_lines_becomes_one_and_cannot_steer_the_terminal() {
        let complaint = concat!(
            "error: unexpected argument '--jsn\u{1b}[2J\nx' found\n\n  tip: a similar argument exists: '--json'\n\n",
            "Usage: drawbridge routes --json\n\nFor more information, try '--help'.\n",
        );
        assert_eq!(sentence(complaint), "unexpected argument '--jsn [2J x' found; a similar argument exists: '--json'");
    }
}
