//! Symbolic variables: `define NAME = VALUE`, and `$NAME` for it (nft(8), SYMBOLIC VARIABLES). Works on tokens, like nft,
//! and knows no statement.

use std::collections::BTreeMap;

use palisade_ir::LiftError;

use super::cursor::FILE;
use super::lexer::Token;

/// No file grows to more tokens: each `$NAME` may stand for many.
const MOST_TOKENS: usize = 16_000_000;

/// The tokens without definitions, and with what each variable stands for in its place.
pub(super) fn expand(tokens: Vec<(usize, Token)>) -> Result<Vec<(usize, Token)>, LiftError> {
    if !tokens.iter().any(|(_, token)| *token == Token::Mark('$') || is_define(token)) {
        return Ok(tokens);
    }
    let mut known: BTreeMap<String, Vec<Token>> = BTreeMap::new();
    let mut out: Vec<(usize, Token)> = Vec::with_capacity(tokens.len());
    let mut depth = 0_usize;
    let mut rest = tokens.into_iter().peekable();
    while let Some((line, token)) = rest.next() {
        let error = |message: String| LiftError { file: FILE, line, message };
        let starts = matches!(out.last(), None | Some((_, Token::Newline | Token::Mark(';'))));
        match token {
            word if depth == 0 && starts && is_define(&word) => {
                let (name, value) = definition(&mut rest).map_err(error)?;
                if known.insert(name.clone(), value).is_some() {
                    return Err(error(format!("`{name}` is defined twice")));
                }
            }
            Token::Mark('$') => {
                let Some((_, Token::Word(name))) = rest.next() else {
                    return Err(error("`$` without a name".to_owned()));
                };
                let value = known.get(&name).ok_or_else(|| error(format!("`${name}` is not defined")))?;
                out.extend(value.iter().map(|token| (line, token.clone())));
            }
            token => {
                match token {
                    Token::Mark('{') => depth += 1,
                    Token::Mark('}') => depth = depth.saturating_sub(1),
                    _ => {}
                }
                out.push((line, token));
            }
        }
        if out.len() > MOST_TOKENS {
            return Err(error("variables that stand for too much".to_owned()));
        }
    }
    Ok(out)
}

fn is_define(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word == "define")
}

/// What follows `define`: the name, and the tokens up to the end of the line or of the braces.
fn definition(rest: &mut impl Iterator<Item = (usize, Token)>) -> Result<(String, Vec<Token>), String> {
    let (name, equals) = (rest.next(), rest.next());
    let (Some((_, Token::Word(name))), Some((_, Token::Mark('=')))) = (name, equals) else {
        return Err("expected `define NAME = VALUE`".to_owned());
    };
    let mut value = Vec::new();
    let mut depth = 0_usize;
    for (_, token) in rest {
        match token {
            Token::Newline | Token::Mark(';') if depth == 0 => {
                return if value.is_empty() {
                    Err(format!("`{name}` stands for nothing"))
                } else {
                    Ok((name, value))
                };
            }
            Token::Newline => continue,
            Token::Mark('$') => return Err(format!("`{name}` stands for another variable")),
            Token::Mark('{') => depth += 1,
            Token::Mark('}') if depth == 0 => return Err(format!("`{name}` ends with a `}}` too many")),
            Token::Mark('}') => depth -= 1,
            _ => {}
        }
        value.push(token);
    }
    Err(format!("the value of `{name}` does not end"))
}

#[cfg(test)]
mod tests {
    use super::super::lexer;
    use super::*;

    fn expanded(text: &str) -> Result<Vec<Token>, LiftError> {
        Ok(expand(lexer::tokens(text).unwrap())?.into_iter().map(|(_, token)| token).collect())
    }

    #[test]
    fn a_variable_stands_for_its_tokens() {
        let text = "define web-1.a_tcp = {\n 80,\n 443-444,\n}\ndefine ssh = 22\ndport $web-1.a_tcp accept\ndport $ssh";
        let plain = lexer::tokens("dport { 80, 443-444, } accept\ndport 22").unwrap();
        assert_eq!(expanded(text).unwrap(), plain.into_iter().map(|(_, token)| token).collect::<Vec<_>>());
    }

    #[test]
    fn a_variable_must_be_known_and_plain() {
        for (text, line) in [
            ("a\n$x", 2),
            ("$", 1),
            ("define x\n", 1),
            ("define x =\n", 1),
            ("define x = 1\ndefine x = 1\n", 2),
            ("define x = 1\ndefine y = $x\n", 2),
            ("define x = { 1\n", 1),
            ("define x = 1 }\n", 1),
            ("define define = 1\n$defined", 2),
        ] {
            assert_eq!(expanded(text).unwrap_err().line, line, "{text}");
        }
    }

    #[test]
    fn a_definition_inside_a_block_is_no_definition() {
        let text = "table t {\ndefine x = 1\n}\n";
        assert_eq!(expanded(text).unwrap().len(), lexer::tokens(text).unwrap().len());
    }
}
