//! What the program says of itself.

use std::process::Stdio;

use crate::program::{command, drawbridge, folder, run};

/// Every command, with those of its groups, as the help itself lists them.
fn commands() -> Vec<Vec<String>> {
    let folder = folder();
    let mut found = vec![vec![]];
    let mut next = 0;
    while let Some(path) = found.get(next).cloned() {
        let arguments: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let help = run(folder.path(), &arguments).done();
        let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
        let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        let names = names.map(|line| line.split_whitespace().next().unwrap().to_owned());
        found.extend(names.filter(|name| name != "help").map(|name| [&path[..], &[name]].concat()));
        next += 1;
    }
    found
}

#[test]
fn every_command_explains_itself_and_each_of_its_arguments() {
    let folder = folder();
    let commands = commands();
    assert!(commands.len() > 15, "{commands:?}");
    for path in &commands {
        let arguments: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let help = run(folder.path(), &arguments).done();
        assert!(help.lines().all(|line| line.chars().count() <= 112), "{help}");
        let mut lines = help.lines().peekable();
        while let Some(line) = lines.next() {
            let Some((_, described)) = line.trim_start().split_once("--").filter(|_| line.starts_with("  ")) else {
                continue;
            };
            // Beside the argument, or below it.
            let beside = described.contains("  ") && !described.trim_end().ends_with('>');
            let below = lines.peek().is_some_and(|next| next.starts_with("          "));
            let example = line.starts_with("  drawbridge") || line.contains(" | drawbridge");
            assert!(beside || below || example, "{path:?} does not say what this is for: {line}");
        }
    }
}

#[test]
fn the_help_has_examples_and_exit_codes_and_no_colour_where_nobody_looks() {
    let folder = folder();
    let help = run(folder.path(), &["--help"]).done();
    for told in ["Examples:", "Exit codes:", "  0  ", "  1  ", "  2  ", "NO_COLOR", ".env.example"] {
        assert!(help.contains(told), "{told}: {help}");
    }
    assert!(!help.contains('\u{1b}'), "{help}");
    assert!(!folder.path().join(".data").exists(), "nothing was made");
}

#[test]
fn every_example_in_the_help_is_understood() {
    let folder = folder();
    for path in commands() {
        let arguments: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let help = run(folder.path(), &arguments).done();
        for example in help.lines().filter_map(|line| line.strip_prefix("  drawbridge ")) {
            let words = example.replace("'Ada Lovelace'", "Ada");
            let words = words.split_whitespace().take_while(|word| *word != "|" && *word != ">");
            // Words of the remark beside it begin after two spaces; as the example's own they would not be understood.
            let words: Vec<_> = words.take(example.split("   ").next().unwrap().split_whitespace().count()).collect();
            let said = run(folder.path(), &[&words[..], &["--help"]].concat());
            assert_eq!(said.code, 0, "{example}: {}", said.err);
        }
    }
}

#[test]
fn each_shell_gets_a_script_that_completes_every_command() {
    let folder = folder();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(folder.path(), &["completions", shell]).done();
        for name in commands().iter().flatten() {
            assert!(script.contains(name.as_str()), "{shell}: {name}");
        }
    }
    let mut bash = command("bash", folder.path());
    let script = run(folder.path(), &["completions", "bash"]).done();
    let asked = "COMP_WORDS=(drawbridge user s); COMP_CWORD=2; _drawbridge drawbridge s user; echo ${COMPREPLY[@]}";
    let said = bash.args(["-c", &format!("{script}\n{asked}")]).output().unwrap();
    assert_eq!(String::from_utf8(said.stdout).unwrap(), "set-role\n", "{}", String::from_utf8_lossy(&said.stderr));
}

#[test]
fn a_reader_who_has_seen_enough_is_no_failure() {
    let folder = folder();
    let mut child =
        drawbridge(folder.path(), &["--help"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let said = child.wait_with_output().unwrap();
    assert!(said.status.success() && said.stderr.is_empty(), "{said:?}");
}
