//! Text to tokens. Knows where nft ends a word, a string and a line, and no word's meaning.

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A keyword, name, number, address, prefix, range or rate; also a lone `.` or `:`.
    Word(String),
    /// What stood between `"` and `"`. nft knows no escapes.
    Text(String),
    /// One of `{ } ; , = @ & $`
    Mark(char),
    /// `!=`
    NotEqual,
    /// The end of a line.
    Newline,
}

/// Tokens with the lines they stand on, or the line and text of what is none.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, (usize, String)> {
    let mut tokens = Vec::new();
    for (at, line) in text.split('\n').enumerate() {
        let number = at + 1;
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            rest = match first {
                ' ' | '\t' => rest.get(1..).unwrap_or_default(),
                '#' => "",
                _ => {
                    let (token, after) = token(first, rest).map_err(|message| (number, message))?;
                    tokens.push((number, token));
                    after
                }
            };
        }
        tokens.push((number, Token::Newline));
    }
    Ok(tokens)
}

fn token(first: char, rest: &str) -> Result<(Token, &str), String> {
    let after = rest.get(first.len_utf8()..).unwrap_or_default();
    match first {
        '{' | '}' | ';' | ',' | '=' | '@' | '&' | '$' => Ok((Token::Mark(first), after)),
        '!' => after
            .strip_prefix('=')
            .map(|after| (Token::NotEqual, after))
            .ok_or_else(|| "`!` without `=`".to_owned()),
        '"' => after
            .split_once('"')
            .map(|(text, after)| (Token::Text(text.to_owned()), after))
            .ok_or_else(|| "a string that does not end on its line".to_owned()),
        _ => {
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            match rest.split_at_checked(end) {
                Some((word, after)) if !word.is_empty() => Ok((Token::Word(word.to_owned()), after)),
                _ => Err(format!("`{}` means nothing here", first.escape_default())),
            }
        }
    }
}

const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_strings_and_marks() {
        let found = tokens("a-b/1 . 2001:db8::/32 {\"x # \\\",} # rest\n@s != 7-9").unwrap();
        let word = |text: &str| Token::Word(text.to_owned());
        let expected = vec![
            (1, word("a-b/1")),
            (1, word(".")),
            (1, word("2001:db8::/32")),
            (1, Token::Mark('{')),
            (1, Token::Text("x # \\".to_owned())),
            (1, Token::Mark(',')),
            (1, Token::Mark('}')),
            (1, Token::Newline),
            (2, Token::Mark('@')),
            (2, word("s")),
            (2, Token::NotEqual),
            (2, word("7-9")),
            (2, Token::Newline),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for (bad, line) in [("a\n*", 2), ("\"a\nb\"", 1), ("\\", 1), ("! a", 1), ("ä", 1), ("a\rb", 1)] {
            assert_eq!(tokens(bad).unwrap_err().0, line, "{bad:?}");
        }
    }
}
