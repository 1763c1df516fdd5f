//! The form of before OpenMetrics (0.0.4), which is what `curl` gets, `promtool check metrics` reads and older collectors
//! ask for. The crate writes only the new one; they differ in what the lines of comment say.

/// A counter's and an info's comments bear the name of their lines, and there is neither a unit nor an end.
pub(super) fn rewritten(openmetrics: &str) -> String {
    let mut text = String::with_capacity(openmetrics.len());
    let mut lines = openmetrics.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("# UNIT ") || line == "# EOF" {
            continue;
        }
        let Some(help) = line.strip_prefix("# HELP ") else {
            text.extend([line, "\n"]);
            continue;
        };
        let kind = lines.next_if(|next| next.starts_with("# TYPE ")).and_then(|line| line.rsplit(' ').next());
        let (name, help) = help.split_once(' ').unwrap_or((help, ""));
        let (suffix, kind) = match kind {
            Some("counter") => ("_total", "counter"),
            Some("info") => ("_info", "gauge"),
            other => ("", other.unwrap_or("untyped")),
        };
        text.extend(["# HELP ", name, suffix, " ", help, "\n# TYPE ", name, suffix, " ", kind, "\n"]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_bear_the_names_of_their_lines() {
        let openmetrics = "\
            # HELP asked How often.\n# TYPE asked counter\nasked_total 1\n\
            # HELP build What.\n# TYPE build info\nbuild_info{version=\"1\"} 1\n\
            # HELP took_seconds How long.\n# TYPE took_seconds gauge\n# UNIT took_seconds seconds\ntook_seconds 2\n\
            # EOF\n";
        let classic = "\
            # HELP asked_total How often.\n# TYPE asked_total counter\nasked_total 1\n\
            # HELP build_info What.\n# TYPE build_info gauge\nbuild_info{version=\"1\"} 1\n\
            # HELP took_seconds How long.\n# TYPE took_seconds gauge\ntook_seconds 2\n";
        assert_eq!(rewritten(openmetrics), classic);
    }
}
