//! What the tests did: read from what `cargo test` or `cargo nextest run` wrote.

use std::collections::BTreeMap;

/// Each test that was run, and whether it passed wherever it was.
#[derive(Default)]
pub struct Results {
    tests: BTreeMap<String, bool>,
    /// Examples in comments, by file.
    examples: BTreeMap<String, bool>,
}

impl Results {
    /// How many tests of a known binary the text holds.
    pub fn add(&mut self, text: &str) -> usize {
        let (mut binary, mut count) = (None, 0);
        for line in text.lines() {
            let line = without_colour(line);
            let line = line.trim();
            if let Some(started) = started(line) {
                binary = Some(started);
            } else if let Some((name, passed)) = line.strip_prefix("test ").and_then(outcome) {
                match (&binary, name.split_once(" - ")) {
                    (_, Some((file, _))) if file.contains('/') => note(&mut self.examples, file.to_owned(), passed),
                    (Some(binary), _) => {
                        note(
                            &mut self.tests,
                            format!("{binary}::{}", name.trim_end_matches(" - should panic")),
                            passed,
                        );
                    }
                    (None, _) => continue,
                }
                count += 1;
            } else if let Some((name, passed)) = of_nextest(line) {
                note(&mut self.tests, name, passed);
                count += 1;
            }
        }
        count
    }

    /// None: it was not run.
    pub fn test(&self, name: &str) -> Option<bool> {
        self.tests.get(name).copied()
    }

    pub fn examples(&self, file: &str) -> Option<bool> {
        self.examples.get(file).copied()
    }
}

/// Passed once and failed once is failed.
fn note(seen: &mut BTreeMap<String, bool>, name: String, passed: bool) {
    seen.entry(name).and_modify(|before| *before &= passed).or_insert(passed);
}

/// `Running tests/api/main.rs (target/debug/deps/api-0123456789abcdef)`.
fn started(line: &str) -> Option<String> {
    if line.starts_with("Doc-tests ") {
        return Some("examples".to_owned());
    }
    let path = line.strip_prefix("Running ")?.rsplit_once('(')?.1.strip_suffix(')')?;
    let name = path.rsplit(['/', '\\']).next()?.trim_end_matches(".exe");
    name.rsplit_once('-').map(|(name, _)| name.to_owned())
}

/// `name ... ok`. What was ignored was not run.
fn outcome(line: &str) -> Option<(&str, bool)> {
    let (name, outcome) = line.rsplit_once(" ... ")?;
    (!outcome.starts_with("ignored")).then(|| (name, outcome == "ok" || outcome.starts_with("ok ")))
}

/// `PASS [   0.021s] (3/9) drawbridge::api tokens::a_token_dies`.
fn of_nextest(line: &str) -> Option<(String, bool)> {
    let (word, rest) = line.split_once(" [")?;
    let passed = match word.trim() {
        "PASS" | "LEAK" => true,
        "FAIL" | "TIMEOUT" | "ABORT" | "LEAK-FAIL" => false,
        signal if signal.starts_with("SIG") => false,
        _ => return None,
    };
    let mut words = rest.split_once(']')?.1.split_whitespace().rev();
    let (name, binary) = (words.next()?, words.next()?);
    let binary = binary.rsplit(['/', ':']).next()?.replace('-', "_");
    Some((format!("{binary}::{name}"), passed))
}

/// Without the escape sequences that colour it.
fn without_colour(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| plain + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARGO: &str = "\
   Compiling drawbridge v0.1.0
     Running unittests src/lib.rs (target/debug/deps/drawbridge-3dfce63a66a20fb1)

running 2 tests
test security::totp::tests::only_six_digits_are_a_code ... ok
test types::tests::left_out ... ignored, too slow

\u{1b}[1m\u{1b}[32m     Running\u{1b}[0m tests/api/main.rs (target/debug/deps/api-6a2d3f)
test tokens::a_token_dies ... \u{1b}[32mok\u{1b}[0m
test tokens::a_token_lives ... FAILED
   Doc-tests drawbridge
test src/http/routes.rs - http::routes (line 12) - compile fail ... ok
";

    #[test]
    fn what_cargo_wrote_is_read_by_binary() {
        let mut results = Results::default();
        assert_eq!(results.add(CARGO), 4);
        assert_eq!(results.test("drawbridge::security::totp::tests::only_six_digits_are_a_code"), Some(true));
        assert_eq!(results.test("drawbridge::types::tests::left_out"), None, "ignored is not run");
        assert_eq!(results.test("api::tokens::a_token_dies"), Some(true));
        assert_eq!(results.test("api::tokens::a_token_lives"), Some(false));
        assert_eq!(results.examples("src/http/routes.rs"), Some(true));
        assert_eq!(results.examples("src/lib.rs"), None);
    }

    #[test]
    fn what_nextest_wrote_is_read_alike() {
        let mut results = Results::default();
        let text = "\
    Starting 3 tests across 2 binaries
        PASS [   0.021s] (1/3) drawbridge::api tokens::a_token_dies
        FAIL [   0.300s] drawbridge security::totp::tests::wrong
     SIGABRT [   0.300s] dev-postgres::behaviour kept::killed
        PASS [   0.300s] (3/3) drawbridge::bin/drawbridge cli::patience::tests::told
        SLOW [> 60.000s] drawbridge::api tokens::slow
";
        assert_eq!(results.add(text), 4);
        assert_eq!(results.test("api::tokens::a_token_dies"), Some(true));
        assert_eq!(results.test("drawbridge::security::totp::tests::wrong"), Some(false));
        assert_eq!(results.test("behaviour::kept::killed"), Some(false));
        assert_eq!(results.test("drawbridge::cli::patience::tests::told"), Some(true));
        assert_eq!(results.test("api::tokens::slow"), None);
    }

    #[test]
    fn passed_here_and_failed_there_is_failed() {
        let mut results = Results::default();
        results.add(CARGO);
        results.add(&CARGO.replace("a_token_dies ... \u{1b}[32mok\u{1b}[0m", "a_token_dies ... FAILED"));
        assert_eq!(results.test("api::tokens::a_token_dies"), Some(false));
    }

    #[test]
    fn without_the_lines_that_name_binaries_nothing_is_known() {
        let text: Vec<_> = CARGO.lines().filter(|line| !line.contains("Running")).collect();
        let mut results = Results::default();
        results.add(&text.join("\n"));
        assert_eq!(results.test("api::tokens::a_token_dies"), None);
    }
}
