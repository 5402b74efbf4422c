//! The words of a line, as iptables-restore splits it (`add_param_to_argv` in iptables' xshared.c).

/// Splits at blanks; within double quotes a blank is plain and a backslash takes the next character as it is.
pub(super) fn split(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word = String::new();
    // A quoted word may be empty.
    let mut started = false;
    let mut quoted = false;
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' if quoted => word.push(characters.next().ok_or("a backslash at the end of the line")?),
            '"' => {
                quoted = !quoted;
                started = true;
            }
            ' ' | '\t' if !quoted => {
                if started {
                    words.push(std::mem::take(&mut word));
                }
                started = false;
            }
            c => {
                word.push(c);
                started = true;
            }
        }
    }
    if quoted {
        return Err("a quote that is never closed");
    }
    if started {
        words.push(word);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn splits_as_the_tool_does() {
        let cases = [
            ("-A P  -j\tDROP ", vec!["-A", "P", "-j", "DROP"]),
            (r#"--comment "a b" -j"#, vec!["--comment", "a b", "-j"]),
            (r#"--comment "it\'s \"x\" \\" "#, vec!["--comment", r#"it's "x" \"#]),
            (r#"a\b "" c"#, vec![r"a\b", "", "c"]),
        ];
        for (line, words) in cases {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
        assert!(split(r#"a "b"#).is_err());
        assert!(split(r#"a "b\"#).is_err());
    }
}
