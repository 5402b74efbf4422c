//! The tables of one NIC. What the code below them takes for granted is checked here: keys ascend and share nothing.

use palisade_ir::{Family, LiftError, Outcome, Ranges, Verdict};

use super::ast::{Act, Among, Chain, End, List, LookUp, Nic, Rules};
use super::tokens::{Token, Tokens, error};

/// `open`, elements with commas between them and perhaps behind the last, `close`.
pub(super) fn list<'a, T>(
    tokens: &mut Tokens<'a>,
    open: &str,
    close: &str,
    mut element: impl FnMut(&mut Tokens<'a>) -> Result<T, LiftError>,
) -> Result<Vec<T>, LiftError> {
    tokens.exactly(open)?;
    let (mut all, mut more) = (Vec::new(), true);
    let end = close.chars().next().map(Token::Sign);
    while tokens.peek() != end {
        if !more {
            return Err(tokens.expected("`,`"));
        }
        all.push(element(tokens)?);
        more = tokens.has(Token::Sign(','));
    }
    tokens.exactly(close)?;
    Ok(all)
}

pub(super) fn nic(tokens: &mut Tokens<'_>) -> Result<Nic, LiftError> {
    tokens.exactly("Nic { interface:")?;
    let interface = match tokens.next() {
        Some(Token::Text(name)) => name.to_owned(),
        _ => return Err(tokens.expected("the name of an interface")),
    };
    tokens.exactly(", v4:")?;
    let v4 = rules(tokens, Family::V4)?;
    tokens.exactly(", v6:")?;
    let v6 = rules(tokens, Family::V6)?;
    tokens.exactly(", }")?;
    Ok(Nic { interface, v4, v6 })
}

fn rules(tokens: &mut Tokens<'_>, family: Family) -> Result<Rules, LiftError> {
    tokens.exactly("Rules { addresses:")?;
    let addresses = list(tokens, "&[", "]", |tokens| address(tokens, family))?;
    tokens.exactly(", ingress:")?;
    let ingress = chain(tokens, family)?;
    tokens.exactly(", egress:")?;
    let egress = chain(tokens, family)?;
    tokens.exactly(", }")?;
    Ok(Rules { addresses, ingress, egress })
}

fn chain(tokens: &mut Tokens<'_>, family: Family) -> Result<Chain, LiftError> {
    tokens.exactly("Chain { steps:")?;
    let steps = list(tokens, "&[", "]", |tokens| {
        look_up(tokens, family, |tokens| list(tokens, "&[", "]", |tokens| look_up(tokens, family, act)))
    })?;
    tokens.exactly(", default:")?;
    let default = act(tokens)?;
    if default.outcome.is_none() {
        return Err(error(default.line, "the default is where nothing goes on"));
    }
    tokens.exactly(", }")?;
    Ok(Chain { steps, default })
}

fn look_up<'a, T>(
    tokens: &mut Tokens<'a>,
    family: Family,
    mut then: impl FnMut(&mut Tokens<'a>) -> Result<T, LiftError>,
) -> Result<LookUp<T>, LiftError> {
    let line = tokens.line();
    let kind = tokens.word()?;
    tokens.sign('(')?;
    let found = match kind {
        "Always" => LookUp::Always(then(tokens)?),
        "Source" | "Destination" => {
            let end = if kind == "Source" { End::Source } else { End::Destination };
            let ways = list(tokens, "&[", "]", |tokens| {
                tokens.sign('(')?;
                let key = range(tokens, family)?;
                pair(tokens, key, &mut then)
            })?;
            ascending(line, ways.iter().map(|(key, _)| *key))?;
            LookUp::Address(end, ways)
        }
        "SourcePort" | "DestinationPort" => {
            let end = if kind == "SourcePort" { End::Source } else { End::Destination };
            let ways = list(tokens, "&[", "]", |tokens| {
                tokens.exactly("((")?;
                let protocol = tokens.number(u8::MAX.into())? as u8;
                tokens.sign(',')?;
                let first = tokens.number(u16::MAX.into())? as u16;
                tokens.sign(',')?;
                let last = tokens.number(u16::MAX.into())? as u16;
                tokens.sign(')')?;
                pair(tokens, (protocol, first, last), &mut then)
            })?;
            let number = |protocol: u8, port: u16| u128::from(protocol) << 16 | u128::from(port);
            ascending(
                line,
                ways.iter().map(|((of, first, last), _)| (number(*of, *first), number(*of, *last))),
            )?;
            LookUp::Port(end, ways)
        }
        "Only" => {
            let among = among(tokens, family)?;
            tokens.sign(',')?;
            LookUp::Only(Box::new(among), then(tokens)?)
        }
        other => return Err(error(line, format!("`{other}` is no way to look anything up"))),
    };
    closed(tokens)?;
    Ok(found)
}

/// A bracket, perhaps behind a comma.
fn closed(tokens: &mut Tokens<'_>) -> Result<(), LiftError> {
    tokens.has(Token::Sign(','));
    tokens.sign(')')
}

/// The second half of a way, and the bracket behind it.
fn pair<'a, K, T>(
    tokens: &mut Tokens<'a>,
    key: K,
    then: &mut impl FnMut(&mut Tokens<'a>) -> Result<T, LiftError>,
) -> Result<(K, T), LiftError> {
    tokens.sign(',')?;
    let found = then(tokens)?;
    closed(tokens)?;
    Ok((key, found))
}

/// A search by halves finds what is there only in such a list.
fn ascending(line: usize, keys: impl Iterator<Item = (u128, u128)>) -> Result<(), LiftError> {
    let mut before = None;
    for (first, last) in keys {
        if first > last || before.is_some_and(|before| first <= before) {
            return Err(error(line, "the keys of a search do not ascend, or share something"));
        }
        before = Some(last);
    }
    Ok(())
}

fn among(tokens: &mut Tokens<'_>, family: Family) -> Result<Among, LiftError> {
    let mut among = Among::default();
    tokens.exactly("Among {")?;
    while !tokens.has(Token::Sign('.')) {
        let line = tokens.line();
        let field = tokens.word()?;
        tokens.sign(':')?;
        let twice = match field {
            "source" => among.source.replace(named(tokens, family)?).is_some(),
            "destination" => among.destination.replace(named(tokens, family)?).is_some(),
            "protocol" => among.protocol.replace(numbers(tokens, u8::MAX.into())?).is_some(),
            "source_port" => among.source_port.replace(numbers(tokens, u16::MAX.into())?).is_some(),
            "destination_port" => among.destination_port.replace(numbers(tokens, u16::MAX.into())?).is_some(),
            other => return Err(error(line, format!("`{other}` is no field of a packet"))),
        };
        if twice {
            return Err(error(line, format!("`{field}` stands here twice")));
        }
        tokens.sign(',')?;
    }
    tokens.exactly(".Among::ALL }")?;
    Ok(among)
}

/// A list of ranges that asks for something: an empty one would ask for nothing.
fn some(line: usize, ranges: Vec<(u128, u128)>) -> Result<Ranges, LiftError> {
    if ranges.is_empty() {
        return Err(error(line, "an empty list stands for every value"));
    }
    ascending(line, ranges.iter().copied())?;
    Ok(ranges.into_iter().collect())
}

fn named(tokens: &mut Tokens<'_>, family: Family) -> Result<List, LiftError> {
    let line = tokens.line();
    if tokens.has(Token::Word("sets")) {
        tokens.exactly("::")?;
        return Ok(List::Set(tokens.word()?.to_owned(), line));
    }
    addresses(tokens, family).map(List::Here)
}

/// `&[net(10, 0, 0, 0, 8), ...]`
pub(super) fn addresses(tokens: &mut Tokens<'_>, family: Family) -> Result<Ranges, LiftError> {
    let line = tokens.line();
    some(line, list(tokens, "&[", "]", |tokens| range(tokens, family))?)
}

fn numbers(tokens: &mut Tokens<'_>, most: u128) -> Result<Ranges, LiftError> {
    let line = tokens.line();
    let ranges = list(tokens, "&[", "]", |tokens| {
        tokens.sign('(')?;
        let first = tokens.number(most)?;
        tokens.sign(',')?;
        let last = tokens.number(most)?;
        tokens.sign(')')?;
        Ok((first, last))
    })?;
    some(line, ranges)
}

/// First and last address: a prefix, or both.
fn range(tokens: &mut Tokens<'_>, family: Family) -> Result<(u128, u128), LiftError> {
    let bits = match family {
        Family::V4 => 32,
        Family::V6 => 128,
    };
    let prefix = if family == Family::V4 { "net" } else { "net6" };
    if tokens.has(Token::Word(prefix)) {
        tokens.sign('(')?;
        let first = parts(tokens, family)?;
        tokens.sign(',')?;
        let length = tokens.number(bits)?;
        tokens.sign(')')?;
        let hosts = family.last().checked_shr(length as u32).unwrap_or(0);
        return Ok((first, first | hosts));
    }
    tokens.sign('(')?;
    let first = address(tokens, family)?;
    tokens.sign(',')?;
    let last = address(tokens, family)?;
    tokens.sign(')')?;
    Ok((first, last))
}

/// `ip(10, 0, 0, 1)`
fn address(tokens: &mut Tokens<'_>, family: Family) -> Result<u128, LiftError> {
    tokens.exactly(if family == Family::V4 { "ip(" } else { "ip6(" })?;
    let number = parts(tokens, family)?;
    tokens.sign(')')?;
    Ok(number)
}

fn parts(tokens: &mut Tokens<'_>, family: Family) -> Result<u128, LiftError> {
    let (count, most, bits) = match family {
        Family::V4 => (4, 0xff, 8),
        Family::V6 => (8, 0xffff, 16),
    };
    let mut number = 0;
    for part in 0..count {
        if part > 0 {
            tokens.sign(',')?;
        }
        number = number << bits | tokens.number(most)?;
    }
    Ok(number)
}

fn act(tokens: &mut Tokens<'_>) -> Result<Act, LiftError> {
    let line = tokens.line();
    let word = tokens.word()?;
    let outcome = outcome(word).ok_or_else(|| error(line, format!("`{word}` is nothing that can happen")))?;
    Ok(Act { outcome, line, comment: tokens.comment(line) })
}

/// What a word stands for; `GoOn` has no outcome.
pub(super) fn outcome(word: &str) -> Option<Option<Outcome>> {
    let outcome = |verdict, log| Some(Some(Outcome { verdict, log }));
    match word {
        "Allow" => outcome(Verdict::Allow, false),
        "AllowAndLog" => outcome(Verdict::Allow, true),
        "Deny" => outcome(Verdict::Deny, false),
        "DenyAndLog" => outcome(Verdict::Deny, true),
        "GoOn" => Some(None),
        _ => None,
    }
}
