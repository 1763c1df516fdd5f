//! Which tests there are, by the name under which `cargo test` runs them: `binary::module::name`. Read from the source, so that a
//! check needs no build. It knows how this workspace lays out its tests, and no macro that makes some.

use std::collections::{BTreeMap, BTreeSet};

use crate::project::Project;

pub fn tests(project: &Project) -> BTreeSet<String> {
    let files: Vec<_> = ["src", "tests", "tools"]
        .iter()
        .flat_map(|folder| project.files(folder, ".rs"))
        .filter(|file| !is_built(file))
        .collect();
    let packages = packages(project);
    let texts: BTreeMap<_, _> = files.iter().map(|file| (file.as_str(), project.text(file))).collect();
    let moved: BTreeMap<_, _> =
        texts.iter().flat_map(|(file, text)| elsewhere(file, &module(file, &packages), text)).collect();
    texts.iter().flat_map(|(file, text)| named(moved.get(*file).unwrap_or(&module(file, &packages)), text)).collect()
}

/// What the manifests of the tools call them, by their folders.
fn packages(project: &Project) -> BTreeMap<String, String> {
    let manifests = project.files("tools", "/Cargo.toml");
    let named = |manifest: &String| {
        let text = project.text(manifest);
        let name = text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))?;
        Some((manifest.split('/').nth(1)?.to_owned(), name.to_owned()))
    };
    manifests.iter().filter(|manifest| manifest.matches('/').count() == 2).filter_map(named).collect()
}

fn is_built(file: &str) -> bool {
    file.split('/').any(|part| part == "target")
}

/// `src/a/b.rs` is `drawbridge::a::b`, `tests/api/a.rs` is `api::a`, `tools/x/src/a.rs` is `x::a`, or what its manifest calls it.
fn module(file: &str, packages: &BTreeMap<String, String>) -> String {
    let mut parts: Vec<_> = file.trim_end_matches(".rs").split('/').collect();
    let mut package = "drawbridge";
    if parts[0] == "tools" && parts.len() > 2 {
        package = packages.get(parts[1]).map_or(parts[1], String::as_str);
        parts.drain(..2);
    }
    if parts[0] == "src" {
        parts[0] = package;
    } else {
        parts.remove(0);
    }
    if parts.len() > 1 && matches!(parts.last(), Some(&("mod" | "main" | "lib"))) {
        parts.pop();
    }
    parts.join("::").replace('-', "_")
}

/// Files that a `#[path]` puts under another name.
fn elsewhere(file: &str, module: &str, text: &str) -> Vec<(String, String)> {
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let (mut found, mut path) = (Vec::new(), None);
    for line in text.lines().map(str::trim) {
        if let Some(named) = line.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]")) {
            path = Some(plain(&format!("{folder}/{named}")));
        } else if let Some(name) = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';'))
            && let Some(path) = path.take()
        {
            found.push((path, format!("{module}::{name}")));
        }
    }
    found
}

/// Without `..`.
fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

fn named(module: &str, text: &str) -> Vec<String> {
    let (mut within, mut found): (Vec<(usize, &str)>, Vec<String>) = (Vec::new(), Vec::new());
    let mut is_test = false;
    for line in text.lines() {
        let (indent, line) = (line.len() - line.trim_start().len(), line.trim());
        if line == "}" && within.last().is_some_and(|(depth, _)| *depth == indent) {
            within.pop();
        } else if let Some(name) = opened(line) {
            within.push((indent, name));
        } else if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| is_test) {
            let name = rest.split('(').next().unwrap_or_default();
            let path: Vec<_> = [module].into_iter().chain(within.iter().map(|(_, name)| *name)).chain([name]).collect();
            found.push(path.join("::"));
            is_test = false;
        }
    }
    found
}

/// `pub(super) mod tests {`.
fn opened(line: &str) -> Option<&str> {
    let named = line.strip_suffix(" {")?;
    let (before, name) = named.rsplit_once("mod ")?;
    (before.is_empty() || before.starts_with("pub")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_module_of_its_binary() {
        let packages = BTreeMap::from([("attack".to_owned(), "drawbridge-attack".to_owned())]);
        for (file, wanted) in [
            ("src/lib.rs", "drawbridge"),
            ("src/http/input/mod.rs", "drawbridge::http::input"),
            ("tests/api/mfa/races.rs", "api::mfa::races"),
            ("tests/api/main.rs", "api"),
            ("tests/lone.rs", "lone"),
            ("tools/dev-postgres/src/programs.rs", "dev_postgres::programs"),
            ("tools/dev-postgres/tests/behaviour/run.rs", "behaviour::run"),
            ("tools/attack/src/cases/jwt.rs", "drawbridge_attack::cases::jwt"),
        ] {
            assert_eq!(module(file, &packages), wanted);
        }
    }

    #[test]
    fn a_tool_is_called_what_its_manifest_says() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("tools/x/src")).unwrap();
        std::fs::write(folder.path().join("tools/x/Cargo.toml"), "[package]\nname = \"the-x\"\n").unwrap();
        std::fs::write(folder.path().join("tools/x/src/lib.rs"), "#[test]\nfn works() {}\n").unwrap();
        assert_eq!(tests(&Project::at(folder.path())), BTreeSet::from(["the_x::works".to_owned()]));
    }

    #[test]
    fn tests_are_told_from_other_functions_and_by_the_module_within() {
        let text = "#[test]\nfn one() {}\nfn helper() {}\npub(super) mod tests {\n    #[tokio::test]\n    async fn two() {\n    }\n}\n#[test]\nfn three() {}\n";
        assert_eq!(named("api", text), ["api::one", "api::tests::two", "api::three"]);
    }

    #[test]
    fn a_file_under_another_name_is_found_there() {
        let text = "#[cfg(test)]\n#[path = \"scripts/../scripts/tests.rs\"]\nmod script_tests;\nmod other;\n";
        let moved = elsewhere("src/limit/shared.rs", "drawbridge::limit::shared", text);
        assert_eq!(moved, [("src/limit/scripts/tests.rs".into(), "drawbridge::limit::shared::script_tests".into())]);
    }
}
